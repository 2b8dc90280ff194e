import { resolve } from "node:path";
import { defaultClientConditions, defineConfig } from "vite";

/** Builds the page into dist/web. Development: `npx vite web`, with `node bin/tailor.js serve` running beside it. */
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  // ONNX Runtime without its WebAssembly inside: the two files of it are assets of ours, asked for when needed.
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions] },
  build: {
    outDir: resolve(import.meta.dirname, "../dist/web"),
    emptyOutDir: true,
    target: "es2023",
    // The Content-Security-Policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  worker: { format: "es" },
  server: { proxy: { "/api": "http://127.0.0.1:8080", "/healthz": "http://127.0.0.1:8080" } },
});
