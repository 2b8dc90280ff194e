import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NAME = "@tailor-ml/tailor";

let root: string | undefined;

/**
 * Path of one of this package's own files, such as `docs/results/` or `dist/server/decode-worker.js`. Modules are
 * bundled: where this code is, relative to the package, is not where its source was.
 */
export function packageFile(path: string): string {
  root ??= findRoot();
  return join(root, path);
}

/** The folder above with this package's `package.json`; none is above where another program has bundled this module. */
function findRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    if (nameOf(join(folder, "package.json")) === NAME) return folder;
  }
  return dirname(createRequire(import.meta.url).resolve(`${NAME}/package.json`));
}

/** @returns undefined when there is no such file */
function nameOf(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8")).name;
  } catch {
    return undefined;
  }
}
