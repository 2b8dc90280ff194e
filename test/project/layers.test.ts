import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";

/**
 * The layers, top to bottom: a file may import from its own layer and from layers further down. The same list is in
 * docs/design.md.
 */
const LAYERS = [
  "index.ts",
  "entries",
  "cli",
  "queue",
  "server",
  "experiments",
  "report",
  "plots",
  "bench",
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
  "text.ts",
  "settings.ts",
  "package-files.ts",
  "optional-package.ts",
  "errors.ts",
  "wording.ts",
];

/** Folders of code that needs Node, besides any folder `node`. Everything else also runs in a browser. */
const NODE_PLACES = [
  /^(index|package-files)\.ts$/,
  /^entries\/(predict|server)\.ts$/,
  /^(cli|queue|server|experiments|bench|exchange)\//,
  /\/node\//,
];
const needsNode = (file: string) => NODE_PLACES.some((place) => place.test(file));
const SRC = resolve(import.meta.dirname, "../../src");
const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => name.replaceAll("\\", "/"));

/** The page's files, named as seen from `src`. */
const PAGE = readdirSync(join(SRC, "../web"), { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && name !== "vite.config.ts")
  .map((name) => `../web/${name.replaceAll("\\", "/")}`);

interface Import {
  readonly specifier: string;
  readonly isTypeOnly: boolean;
  /** Loaded where it is reached, not at the start. */
  readonly isDynamic: boolean;
}

/** Every module that a file imports, static, re-exported or dynamic. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), "utf8");
  const statements = text.matchAll(/^(?:import|export)\s(type\s)?[^;]*?from\s+"([^"]+)"/gms);
  const bare = text.matchAll(/(?:^import\s+|\b(import\())"([^"]+)"/gm);
  return [
    ...[...statements].map(([, type, specifier]) => ({
      specifier: specifier!,
      isTypeOnly: type !== undefined,
      isDynamic: false,
    })),
    ...[...bare].map(([, dynamic, specifier]) => ({
      specifier: specifier!,
      isTypeOnly: false,
      isDynamic: dynamic !== undefined,
    })),
  ];
}

/** The files of src that are loaded with one, itself included. */
function loadedWith(file: string, loaded = new Set<string>()): Set<string> {
  if (loaded.has(file)) return loaded;
  loaded.add(file);
  for (const { specifier, isTypeOnly, isDynamic } of importsOf(file)) {
    if (isTypeOnly || isDynamic || !specifier.startsWith(".")) continue;
    loadedWith(relative(SRC, resolve(SRC, dirname(file), specifier)).replaceAll("\\", "/"), loaded);
  }
  return loaded;
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

  test("the graph does not depend on operations, nor operations on the compiler", () => {
    const targets = (folder: string) =>
      files
        .filter((file) => file.startsWith(`${folder}/`))
        .flatMap((file) => importsOf(file).map(({ specifier }) => specifier));
    expect(targets("graph").filter((target) => target.includes("/ops/"))).toEqual([]);
    expect(targets("ops").filter((target) => target.includes("/compile/"))).toEqual([]);
    expect(targets("ops").length).toBeGreaterThan(50);
  });

  test("a prediction loads neither the compiler nor what draws figures", () => {
    const loaded = [...loadedWith("cli/commands/predict.ts")];
    expect(loaded.filter((file) => /^(compile|models|optim|training|plots|report)\//.test(file))).toEqual([]);
    expect(loaded.length).toBeGreaterThan(50);
    expect([...loadedWith("cli/commands/train.ts")].some((file) => file.startsWith("compile/"))).toBe(true);
  });

  test("code for browsers imports nothing that needs Node", () => {
    const core = [...files.filter((file) => !needsNode(file)), ...PAGE];
    const crossing = core.flatMap((file) =>
      importsOf(file)
        .filter(({ isTypeOnly }) => !isTypeOnly)
        .filter(({ specifier }) =>
          specifier.startsWith(".")
            ? needsNode(relative(SRC, resolve(SRC, dirname(file), specifier)).replaceAll("\\", "/"))
            : /^(node:|onnxruntime-node|sharp|@cwasm)/.test(specifier),
        )
        .map(({ specifier }) => `${file} -> ${specifier}`),
    );
    expect(crossing).toEqual([]);
    expect(core.length).toBeGreaterThan(100 + PAGE.length);
  });

  test("there are no import cycles", () => {
    const imports = new Map(
      files.map((file) => [
        file,
        importsOf(file)
          .filter(({ specifier, isTypeOnly }) => specifier.startsWith(".") && !isTypeOnly)
          .map(({ specifier }) => relative(SRC, resolve(SRC, dirname(file), specifier)).replaceAll("\\", "/")),
      ]),
    );
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]) => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      if (done.has(file) || path.includes(file)) return;
      for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(circles).toEqual([]);
  });
});

describe("flags", () => {
  /** Flags that are not tailor's: CSS's custom properties, and what other programs are called with. */
  const OTHERS = ["report/page-style.ts", "data/node/apt.ts", "server/worker-process.ts"];

  /** The texts of a file's string literals and templates, without what is filled in; comments are none. */
  function literalsOf(file: string): string[] {
    const texts: string[] = [];
    const visit = (node: ts.Node) => {
      if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
        texts.push(node.text);
      }
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(file, readFileSync(join(SRC, file), "utf8"), ts.ScriptTarget.Latest));
    return texts;
  }

  const withFlags = (names: readonly string[]) =>
    names.flatMap((file) =>
      literalsOf(file)
        .filter((text) => /(^|[\s(`'"])--[a-z]/.test(text) || text.includes("bin/tailor"))
        .map((text) => `${file}: ${text}`),
    );

  test("only the command line names its flags and commands: messages elsewhere leave gaps for them", () => {
    const others = files.filter((file) => !file.startsWith("cli/") && !OTHERS.includes(file));
    expect(withFlags(others)).toEqual([]);
  });

  test("flags are seen where they are", () => {
    for (const file of [...OTHERS, "cli/commands/train.ts", "cli/wording.ts"]) {
      expect(withFlags([file]).length, file).toBeGreaterThan(0);
    }
  });
});
