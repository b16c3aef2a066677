"""From nothing to the first attribution, in one thread: python transformerLensCold.py FOLDER ID,ID,… ANSWER WRONG

Prints a line of JSON: the scores, the seconds at which each stage was over, counted from the start of the process, and the
peak of resident memory. Linux only.
"""

import json
import os
import re
import sys
import time
from pathlib import Path


def main(folder: str, ids: str, answer: str, wrong: str) -> None:
    seconds = {"python": since_start()}
    from lens import attribute, load, use_threads

    seconds["imports"] = since_start()
    use_threads(1)
    bridge = load(folder)
    seconds["load"] = since_start()
    bridge.enable_compatibility_mode()
    seconds["fold"] = since_start()
    prompt = [int(token) for token in ids.split(",")]
    scores = attribute(bridge, [prompt], [int(answer)], [int(wrong)], "component")[:, 0].tolist()
    seconds["attribution"] = since_start()
    print(json.dumps({"scores": scores, "seconds": seconds, "peakMiB": peak_mib()}))


def since_start() -> float:
    """To a hundredth of a second, as the kernel counts."""
    after_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(after_name[19]) / os.sysconf("SC_CLK_TCK")
    return round(time.clock_gettime(time.CLOCK_BOOTTIME) - started, 2)


def peak_mib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) // 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
