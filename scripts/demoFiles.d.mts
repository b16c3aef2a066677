/** For esbuild: how the demo model's files are loaded, by the ends of their names. */
export const demoLoaders: Record<string, "base64">;
