import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

/**
 * The house, top to bottom: a file may import from its own layer and from layers further down. The same list stands in
 * docs/design.md.
 */
const LAYERS = [
  "index.ts",
  "cli",
  "server",
  "study",
  "report",
  "plots",
  "training",
  "exchange",
  "prediction",
  "evaluation",
  "runs",
  "recipes",
  "models",
  "data",
  "formats",
  "imaging",
  "nn",
  "optim",
  "runtime",
  "compile",
  "ops",
  "graph",
  "onnx",
  "random.ts",
  "numbers.ts",
  "command-text.ts",
  "errors.ts",
];

/** Where Node's own modules may be used; all else also runs in a browser. */
const NODE_PLACES = [
  /^cli\//,
  /^server\//,
  /^runs\//,
  /^formats\/[^/]+-file\.ts$/,
  /^data\/sources\//,
  /^(runtime|plots)\/node\//,
];
const SRC = resolve(import.meta.dirname, "../../src");
const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => name.replaceAll("\\", "/"));

/** The page's files, named as seen from `src`. */
const PAGE = readdirSync(join(SRC, "../web"), { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && name !== "vite.config.ts")
  .map((name) => `../web/${name.replaceAll("\\", "/")}`);

/** Every module that a file imports, static, re-exported or dynamic. */
function importsOf(file: string): { specifier: string; isTypeOnly: boolean }[] {
  const text = readFileSync(join(SRC, file), "utf8");
  const statements = text.matchAll(/^(?:import|export)\s(type\s)?[^;]*?from\s+"([^"]+)"/gms);
  const bare = text.matchAll(/(?:^import\s+|\bimport\()"([^"]+)"/gm);
  return [
    ...[...statements].map(([, type, specifier]) => ({ specifier: specifier!, isTypeOnly: type !== undefined })),
    ...[...bare].map(([, specifier]) => ({ specifier: specifier!, isTypeOnly: false })),
  ];
}

const layerOf = (file: string) => LAYERS.indexOf(file.split("/")[0]!);

describe("import direction", () => {
  test("every file belongs to a layer", () => {
    expect(files.filter((file) => layerOf(file) < 0)).toEqual([]);
    expect(files.length).toBeGreaterThan(80);
  });

  test("no file imports from a layer above its own", () => {
    const upward = files.flatMap((file) =>
      importsOf(file)
        .filter(({ specifier }) => specifier.startsWith("."))
        .map(({ specifier }) => relative(SRC, resolve(SRC, dirname(file), specifier)).replaceAll("\\", "/"))
        .filter((target) => !target.startsWith("..") && layerOf(target) < layerOf(file))
        .map((target) => `${file} -> ${target}`),
    );
    expect(upward).toEqual([]);
  });

  test("the page imports from src, and src nothing from the page or from anywhere else outside", () => {
    const outside = files.flatMap((file) =>
      importsOf(file)
        .filter(({ specifier }) => specifier.startsWith("."))
        .filter(({ specifier }) => relative(SRC, resolve(SRC, dirname(file), specifier)).startsWith(".."))
        .map(({ specifier }) => `${file} -> ${specifier}`),
    );
    expect(outside).toEqual([]);
    expect(PAGE.length).toBeGreaterThan(30);
    expect(PAGE.flatMap(importsOf).filter(({ specifier }) => specifier.includes("/src/")).length).toBeGreaterThan(30);
  });

  test("the graph knows no operation, and operations know no compiler", () => {
    const targets = (folder: string) =>
      files
        .filter((file) => file.startsWith(`${folder}/`))
        .flatMap((file) => importsOf(file).map(({ specifier }) => specifier));
    expect(targets("graph").filter((target) => target.includes("/ops/"))).toEqual([]);
    expect(targets("ops").filter((target) => target.includes("/compile/"))).toEqual([]);
    expect(targets("ops").length).toBeGreaterThan(50);
  });

  test("node: modules are used only where Node is meant", () => {
    const strangers = files
      .filter((file) => !NODE_PLACES.some((place) => place.test(file)))
      .filter((file) => importsOf(file).some(({ specifier }) => specifier.startsWith("node:")));
    expect(strangers).toEqual([]);
  });

  test("what runs in a browser reaches no file that needs Node", () => {
    const seen = new Set<string>();
    const visit = (file: string) => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const { specifier, isTypeOnly } of importsOf(file)) {
        if (isTypeOnly) continue;
        expect(`${file}: ${specifier}`).not.toMatch(/: (node:|onnxruntime-node)/);
        if (specifier.startsWith("."))
          visit(relative(SRC, resolve(SRC, dirname(file), specifier)).replaceAll("\\", "/"));
      }
    };
    for (const entry of [
      "training/train.ts",
      "formats/inference-model.ts",
      "formats/pytorch-model.ts",
      "formats/tensorboard-events.ts",
      "recipes/index.ts",
      "plots/curves.ts",
      "plots/cost.ts",
      "imaging/preparation.ts",
      "imaging/signature.ts",
      "runtime/web/index.ts",
      ...PAGE,
    ])
      visit(entry);
    expect(seen.size).toBeGreaterThan(50 + PAGE.length);
  });
});
