"""Direct logit attribution by TransformerLens, kept running: python transformerLens.py FOLDER [THREADS]

It prints a line of JSON about itself, then answers each line {"unit", "prompts", "answers", "wrongs", "repeats"} with
{"ms": [one per repeat], "scores": [one list per prompt]}. The run that gives the scores warms up, and is not timed.
"""

import json
import platform
import sys
from importlib.metadata import version
from statistics import median
from time import perf_counter
from typing import Callable

import torch

from lens import attribute, load, use_threads


def main(folder: str, threads: str = "1") -> None:
    use_threads(int(threads))
    print_line(about())
    folded = load(folder)
    folded.enable_compatibility_mode()
    for line in sys.stdin:
        print_line(answer(folded, **json.loads(line)))


def about() -> dict:
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformerLens": version("transformer-lens"),
        "threads": torch.get_num_threads(),
        "cpuCapability": torch.backends.cpu.get_cpu_capability(),
        "gflops": {f"{rows}x768x2304": matmul_gflops(rows, 768, 2304) for rows in (64, 256)},
    }


def answer(folded, unit: str, prompts: list, answers: list, wrongs: list, repeats: int) -> dict:
    def run() -> torch.Tensor:
        return attribute(folded, prompts, answers, wrongs, unit)

    scores = run().T.tolist()
    return {"ms": [milliseconds(run) for _ in range(repeats)], "scores": scores}


def matmul_gflops(rows: int, inner: int, cols: int) -> float:
    x, W = torch.randn(rows, inner), torch.randn(inner, cols)
    times = [milliseconds(lambda: x @ W) for _ in range(30)]
    return 2e-6 * rows * inner * cols / median(times)


def milliseconds(run: Callable) -> float:
    start = perf_counter()
    run()
    return 1e3 * (perf_counter() - start)


def print_line(document: dict) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
