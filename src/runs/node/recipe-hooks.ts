/**
 * How Node finds and reads the modules of a recipe file; Node runs these hooks on a thread of its own (`module.register`).
 * `tailor` means this package, from wherever it is imported: layers of another copy would make operations that this one
 * does not know. TypeScript loses its types as in later Nodes, which can do that themselves.
 */
import { readFile } from "node:fs/promises";
import type { LoadHook, ResolveHook } from "node:module";
import { fileURLToPath } from "node:url";
import { transformSync } from "@swc/wasm-typescript";
import { z } from "zod";

const OURSELVES = new URL("../../index.js", import.meta.url).href;
const TYPESCRIPT = /^file:.*\.m?ts$/;
/** Lines from 1, columns from 0. */
const faultSchema = z.object({ message: z.string(), startLine: z.number(), startColumn: z.number() });

export const resolve: ResolveHook = (specifier, context, nextResolve) =>
  specifier === "tailor" ? { url: OURSELVES, shortCircuit: true } : nextResolve(specifier, context);

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
