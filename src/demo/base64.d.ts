// What the build makes of the model's files (scripts/demoFiles.mjs): each is its bytes in base64.
declare module "*.json" {
  const base64: string;
  export default base64;
}
declare module "*.txt" {
  const base64: string;
  export default base64;
}
declare module "*.safetensors" {
  const base64: string;
  export default base64;
}
