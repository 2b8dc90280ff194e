/**
 * Hooks with which Node resolves and loads the modules of a recipe file; Node runs them on a separate thread
 * (`module.register`). This package's name, and its old name `tailor`, resolve to this package wherever they are
 * imported: layers of another copy would create operations unknown to this one. Types are stripped from TypeScript,
 * which later versions of Node can do themselves.
 */
import { readFile } from "node:fs/promises";
import type { LoadHook, ResolveHook } from "node:module";
import { fileURLToPath } from "node:url";
import { transformSync } from "@swc/wasm-typescript";
import { z } from "zod";

const NAME = "@tailor-ml/tailor";
/** Either name, and the entry's subpath (`/ops`). */
const OURSELVES = /^(?:@tailor-ml\/)?tailor(\/.*)?$/;
const TYPESCRIPT = /^file:.*\.m?ts$/;
/** Lines from 1, columns from 0. */
const faultSchema = z.object({ message: z.string(), startLine: z.number(), startColumn: z.number() });

export const resolve: ResolveHook = (specifier, context, nextResolve) => {
  const match = OURSELVES.exec(specifier);
  if (!match) return nextResolve(specifier, context);
  // From this file, the package's own name resolves to itself, and its entries to those of its package.json.
  return nextResolve(`${NAME}${match[1] ?? ""}`, { ...context, parentURL: import.meta.url });
};

export const load: LoadHook = async (url, context, nextLoad) => {
  if (!TYPESCRIPT.test(url)) return nextLoad(url, context);
  const fileName = fileURLToPath(url);
  return { format: "module", source: withoutTypes(await readFile(fileName, "utf8"), fileName), shortCircuit: true };
};

/** @throws SyntaxError where the parser throws a plain object */
function withoutTypes(source: string, fileName: string): string {
  try {
    return transformSync(source, { mode: "strip-only", filename: fileName }).code;
  } catch (cause) {
    const { message, startLine, startColumn } = faultSchema.parse(cause);
    throw new SyntaxError(`${message} (${fileName}:${startLine}:${startColumn + 1})`, { cause });
  }
}
