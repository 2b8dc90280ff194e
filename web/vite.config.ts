import { resolve } from "node:path";
import { defaultClientConditions, defineConfig } from "vite";

/** Builds the page into dist/web. Development: `npx vite web`, with a running `node bin/tailor.js serve`. */
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  // ONNX Runtime without embedded WebAssembly: its two files are assets, loaded when needed.
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions] },
  build: {
    outDir: resolve(import.meta.dirname, "../dist/web"),
    emptyOutDir: true,
    target: "es2023",
    // The Content-Security-Policy does not allow data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  worker: { format: "es" },
  server: { proxy: { "/api": "http://127.0.0.1:8080", "/healthz": "http://127.0.0.1:8080" } },
});
