/**
 * The script of a thread, thread.ts bundled: beside this file where the sources run. The build puts a data: URL of its text in
 * the place of this function, since bundlers move files and each finds workers in a way of its own.
 */
export const threadScript = (): URL => new URL("./node-thread.js", import.meta.url);
