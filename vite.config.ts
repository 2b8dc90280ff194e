import { readdirSync } from "node:fs";
import { defineConfig } from "vite";

/** Modules that something starts or imports by its path: the package's entries, the command line and its processes. */
const entries = [
  "index.ts",
  ...readdirSync("src/entries").map((name) => `entries/${name}`),
  "cli/main.ts",
  "runs/node/recipe-hooks.ts",
  ...readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith("-worker.ts")),
];

/**
 * Bundles the package into dist, beside its declarations: Node loads a few large modules in a third of the time that it takes for
 * the hundreds they are made of. The page has a configuration of its own, `web/vite.config.ts`.
 */
export default defineConfig({
  build: {
    ssr: true,
    outDir: "dist",
    emptyOutDir: false,
    target: "node20",
    sourcemap: true,
    rolldownOptions: {
      input: Object.fromEntries(entries.map((name) => [name.replace(/\.ts$/, ""), `src/${name}`])),
      output: { entryFileNames: "[name].js", chunkFileNames: "chunks/[name]-[hash].js" },
    },
  },
  // Dependencies of many small modules.
  ssr: {
    noExternal: [
      "zod",
      "@bufbuild/protobuf",
      // Plot, and what it needs.
      "@observablehq/plot",
      /^(d3|d3-.*|internmap|delaunator|robust-predicates|interval-tree-1d|binary-search-bounds|isoformat)$/,
      // linkedom, and what it needs.
      /^(linkedom|css-select|css-what|cssom|cssomnom|boolbase|domhandler|domelementtype|domutils|dom-serializer|entities|nth-check|html-escaper|htmlparser2|uhyphen)$/,
    ],
  },
});
