import { showBytes } from "../model/index.ts";
import type { DownloadProgress } from "../node/index.ts";
import { visible } from "../report/index.ts";
import { type Output, write } from "./io.ts";

const clear = "\r\x1b[2K";

/** The progress of long work, such as loading a model: one line of a terminal, written over and over, and gone in the end. */
export interface ProgressLine {
  download(progress: DownloadProgress): void;
  /** The line from then on; where it goes on with what is shown, only the rest is written. */
  show(text: string): void;
  end(): Promise<void>;
}

/** A line on a terminal; elsewhere nothing is written. */
export function progressLine(output: Output): ProgressLine {
  if (output.isTTY !== true) return { download() {}, show() {}, end: async () => {} };
  let shown = "";
  const show = (text: string) => {
    if (text === shown) return;
    const isLonger = text.startsWith(shown);
    write(output, isLonger ? text.slice(shown.length) : clear + text).catch(() => {}); // the next write fails too
    shown = text;
  };
  return {
    show,
    download({ file, received, size }) {
      const percent = size ? ` ${Math.floor((100 * received) / size)}% of ${showBytes(size)}` : "";
      show(`downloading ${visible(file)}${percent}`);
    },
    end: () => write(output, clear),
  };
}
