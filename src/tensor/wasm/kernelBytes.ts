/**
 * The bytes of the kernels' module, assembled here: so the sources run as they are. The build puts the same bytes in the place
 * of this module, as text: assembling them takes some 25 ms of a cold start, and the assembler more room in a bundle.
 */
export { kernelsModule as kernelBytes } from "./code/index.ts";
