import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The text of every TypeScript file below `src`, by its path. */
export function sourceTexts(root) {
  const paths = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(root, "src", name));
  return new Map(paths.map((path) => [path, readFileSync(path, "utf8")]));
}

/** The paths of the files that contain the text, once per occurrence. */
export function placesOf(find, texts) {
  return [...texts].flatMap(([path, text]) => new Array(text.split(find).length - 1).fill(path));
}
