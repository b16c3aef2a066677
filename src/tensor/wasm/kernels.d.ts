// dist/edge/kernels.wasm, as package.json's `imports` has it for each runtime.
declare module "#kernels" {
  const module: unknown;
  export default module;
}
