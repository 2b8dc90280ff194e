/** Plain scripts are not type-checked: this checks that their imports from the build exist. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const IMPORT = /^import \{([^}]+)\} from "((?:\.\.\/)+build\/[^"]+)";/gms;

function scripts(): string[] {
  return ["bench", "scripts", "examples"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.m?js$/.test(name) && !name.includes("node_modules"))
      .map((name) => join(ROOT, folder, name)),
  );
}

const IMPORTS = scripts().flatMap((script) =>
  [...readFileSync(script, "utf8").matchAll(IMPORT)].map(([, names, from]) => ({
    script: relative(ROOT, script),
    module: join(dirname(script), from!),
    names: names!.split(",").flatMap((name) => name.trim().split(" as ")[0] || []),
  })),
);

test("scripts that use the build were found", () => {
  expect(IMPORTS.length).toBeGreaterThan(10);
});

test.each(IMPORTS)("$script finds $names", async ({ module, names }) => {
  const found = Object.keys(await import(pathToFileURL(module).href));
  expect(found).toEqual(expect.arrayContaining(names));
});
