// Rewrites imports in the build's declarations: TypeScript rewrites "./x.ts" to "./x.js" in emitted JavaScript, but not
// in declarations, and not every tool accepts ".ts" there.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));

for (const name of readdirSync(DIST, { recursive: true, encoding: "utf8" })) {
  if (!name.endsWith(".d.ts")) continue;
  const file = join(DIST, name);
  const text = readFileSync(file, "utf8");
  const mended = text.replace(/((?:\bfrom |\bimport\()"\.{1,2}\/[^"]*)\.ts"/g, '$1.js"');
  if (mended !== text) writeFileSync(file, mended);
}
