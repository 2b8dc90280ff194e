import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { defaultClientConditions, defineConfig, type Plugin } from "vite";

const PAGE = resolve(import.meta.dirname, "../dist/web");
/** Fonts are compressed already. */
const COMPRESSIBLE = /\.(css|html|js|mjs|svg|txt|wasm)$/;

/** Writes a compressed copy beside each file, which the server sends to clients that accept it. */
const compress: Plugin = {
  name: "compress",
  closeBundle() {
    for (const name of readdirSync(PAGE, { recursive: true, encoding: "utf8" })) {
      if (!COMPRESSIBLE.test(name)) continue;
      const path = join(PAGE, name);
      writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
    }
  },
};

/** Builds the page into dist/web. Development: `npx vite web`, with a running `node bin/tailor.js serve`. */
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  // ONNX Runtime without embedded WebAssembly: its two files are assets, loaded when needed.
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions] },
  build: {
    outDir: PAGE,
    emptyOutDir: true,
    target: "es2023",
    // The Content-Security-Policy does not allow data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  plugins: [compress],
  worker: { format: "es" },
  server: { proxy: { "/api": "http://127.0.0.1:8080", "/healthz": "http://127.0.0.1:8080" } },
});
