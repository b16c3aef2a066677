// Node 20's engine has relaxed SIMD, which precision "fast" needs, behind a flag; newer ones have it without.
export const nodeFlags = process.version.startsWith("v20.") ? ["--experimental-wasm-relaxed-simd"] : [];
