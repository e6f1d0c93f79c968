import { defineConfig } from "vite";

// One script, its worker, one style sheet and one font with stable names, so that a rebuild can be compared byte by byte.
export default defineConfig({
  base: "./",
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    outDir: "../../src/ranvier/view/assets",
    emptyOutDir: true,
    target: "es2022",
    assetsDir: "",
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: true,
    rollupOptions: {
      output: { entryFileNames: "view.js", chunkFileNames: "view-[name].js", assetFileNames: "[name][extname]" },
    },
  },
  worker: { format: "es", rollupOptions: { output: { entryFileNames: "live.js" } } },
});
