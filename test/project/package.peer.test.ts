/**
 * The package as seen by its users: packed, installed into an empty project with its dependencies only, typed,
 * imported and required by its name.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IS_THOROUGH } from "../support/thorough.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PACKAGE = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const NAME: string = PACKAGE.name;
const SUBPATHS = Object.keys(PACKAGE.exports).filter((subpath) => subpath !== "./package.json");
const ENTRIES = SUBPATHS.map((subpath) => posix.join(NAME, subpath));
/** Something of each entry, by its end. */
const USED: Readonly<Record<string, string>> = {
  [NAME]: "train",
  [`${NAME}/ops`]: "apply",
  [`${NAME}/predict`]: "loadClassifier",
  [`${NAME}/server`]: "createApp",
  [`${NAME}/web`]: "webRuntime",
};

const scratch = mkdtempSync(join(tmpdir(), "tailor-package-"));
const installed = join(scratch, "node_modules", NAME);
let tarball: string;
let packed: readonly string[];

beforeAll(() => {
  const listing = run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", scratch], ROOT);
  const [{ filename, files }] = JSON.parse(listing);
  tarball = join(scratch, filename);
  packed = files.map(({ path }: { path: string }) => path);
  mkdirSync(installed, { recursive: true });
  run("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
  // Its dependencies only: what it uses beyond them would not be found. Types of Node are the user's own.
  for (const name of [...Object.keys(PACKAGE.dependencies), "@types/node"]) {
    const link = join(scratch, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), link);
  }
  writeFileSync(join(scratch, "package.json"), JSON.stringify({ name: "scratch", private: true }));
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What a command writes on standard output; that it fails is a failure here. */
function run(command: string, args: readonly string[], cwd: string = scratch): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  expect(status === 0 ? "" : `${command} ${args.join(" ")}\n${stdout}\n${stderr}\n${error ?? ""}`).toBe("");
  return stdout;
}

describe("the packed package", () => {
  test("contains the files named in its package.json, guides and examples, and no tests or sources", () => {
    const named = [
      PACKAGE.main,
      PACKAGE.types,
      PACKAGE.bin.tailor,
      ...Object.values(PACKAGE.exports).flatMap(valuesOf),
    ];
    const expected = named.map((path) => path.replace(/^\.\//, ""));
    expect(packed).toEqual(expect.arrayContaining([...expected, "README.md", "LICENSE", "CHANGELOG.md"]));
    expect(packed).toEqual(expect.arrayContaining(["docs/design.md", "examples/classify.js"]));
    expect(packed.filter((path) => /^(src|test|bench|web|scripts)\//.test(path))).toEqual([]);
  });

  test("types name each other as modules do", () => {
    const wrong = packed.filter(
      (path) =>
        path.endsWith(".d.ts") && /(from |import\()"\.[^"]*\.ts"/.test(readFileSync(join(installed, path), "utf8")),
    );
    expect(wrong).toEqual([]);
  });

  test("relative links of README and guides lead to packed files", () => {
    const folders = new Set(packed.flatMap((path) => [path, dirname(path)]));
    const guides = packed.filter((path) => path === "README.md" || /^docs\/[^/]+\.md$/.test(path));
    const dead = guides.flatMap((guide) =>
      linksOf(guide)
        .filter((target) => !folders.has(posix.join(dirname(guide), target).replace(/\/$/, "")))
        .map((target) => `${guide}: ${target}`),
    );
    expect(dead).toEqual([]);
    expect(guides.length).toBeGreaterThan(10);
  });
});

function valuesOf(entry: unknown): string[] {
  return typeof entry === "string" ? [entry] : Object.values(entry as Record<string, string>);
}

function linksOf(guide: string): string[] {
  const text = readFileSync(join(installed, guide), "utf8").replace(/```.*?```/gs, "");
  return [...text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map(([, target]) => target!).filter((to) => !/^[a-z]+:/.test(to));
}

/** How modules are resolved, the kind of modules, and files that import the package. */
const RESOLUTIONS: readonly (readonly [string, string, readonly string[]])[] = [
  ["nodenext", "nodenext", ["use.mts", "use.cts"]],
  // Each takes as long as a hundred other tests, and arethetypeswrong resolves under all of them.
  ...(IS_THOROUGH
    ? ([
        ["node10", "commonjs", ["use.ts"]],
        ["node16", "node16", ["use.mts"]],
        ["bundler", "esnext", ["use.ts"]],
      ] as const)
    : []),
];

describe("types", () => {
  const USE = `
import { loadFashionMnist, type Layer, type Model, train, trainNewRun } from "${NAME}";
import { apply, type Op, relu, requireAxes, type Value } from "${NAME}/ops";
import { type Classifier, loadClassifier } from "${NAME}/predict";
import { createApp, startServer } from "${NAME}/server";
import { type OrtFiles, webRuntime } from "${NAME}/web";

const halfOp: Op<Record<string, never>> = {
  name: "half",
  infer([x]) {
    requireAxes("half", "x", x!.shape, ["batch", "features"]);
    return { shape: x!.shape };
  },
  lower: { standard: (writer, [x]) => writer.node("Mul", [x, writer.scalar(0.5)]) },
  reference: ([x]) => x!.data.map((element) => element / 2),
};
const half: Layer = { kind: "half", description: "half", forward: (x: Value) => relu(apply(halfOp, [x], {})) };
export const model: Model = { name: "own", layers: () => [half] };
export const open: (run: string) => Promise<Classifier> = (run) => loadClassifier(run, { threads: 1 });
export const files: OrtFiles = { mjs: "a", wasm: "b" };
export const all = [loadFashionMnist, train, trainNewRun, createApp, startServer, webRuntime];
`;

  test(`resolve under ${RESOLUTIONS.map(([resolution]) => resolution).join(", ")}, libraries checked`, () => {
    const projects = RESOLUTIONS.map(([moduleResolution, module, files]) => {
      for (const file of files) writeFileSync(join(scratch, file), USE);
      const compilerOptions = {
        module,
        moduleResolution,
        target: "es2023",
        lib: ["es2023"],
        types: ["node"],
        strict: true,
        esModuleInterop: true,
        noEmit: true,
        skipLibCheck: false,
      };
      const project = `tsconfig.${moduleResolution}.json`;
      writeFileSync(join(scratch, project), JSON.stringify({ compilerOptions, files }));
      return project;
    });
    // In one process, which parses most declarations once.
    run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "--build", ...projects]);
  });
});

describe("modules", () => {
  test("every entry is tested here", () => expect(Object.keys(USED).sort()).toEqual([...ENTRIES].sort()));

  test.each(ENTRIES)("%s can be imported and required", {}, (entry) => {
    const script = (load: string) => `${load}; if (typeof it[${JSON.stringify(USED[entry])}] !== "function") throw it;`;
    run(process.execPath, ["--input-type=module", "-e", script(`const it = await import("${entry}")`)]);
    run(process.execPath, ["--no-warnings", "--input-type=commonjs", "-e", script(`const it = require("${entry}")`)]);
  });

  test("package.json can be resolved by name, and no other internal file", () => {
    const code = `console.log(require("${NAME}/package.json").version); require("${NAME}/dist/cli/main.js")`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=commonjs", "-e", code], {
      cwd: scratch,
      encoding: "utf8",
    });
    expect(stdout.trim()).toBe(PACKAGE.version);
    expect(stderr).toContain("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });

  test("the entry for services loads only the dependencies of predictions", () => {
    expect(packagesOf("predict")).toEqual([]);
    const sources = sourcesOf("predict");
    expect(sources.filter((file) => /src\/(server|report|plots|cli|training|bench)\//.test(file))).toEqual([]);
    expect(sources.filter((file) => file.endsWith("src/prediction/node/load-classifier.ts"))).toHaveLength(1);
  });

  test("the entries for browsers and for layers load no modules of Node", () => {
    expect(packagesOf("web")).toEqual([]);
    expect(packagesOf("ops")).toEqual([]);
  });

  test("the installed command runs", () => {
    expect(run(process.execPath, [join(installed, PACKAGE.bin.tailor), "--help"])).toContain("Usage: tailor");
  });
});

/** What an entry loads before it is used, from its static imports; what is loaded on first use is not among it. */
function importsFrom(entry: string): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const visit = (file: string) => {
    if (found.has(file)) return;
    const text = readFileSync(file, "utf8");
    const statements = text.matchAll(/^(?:import|export)\s[^;]*?from\s+"([^"]+)"|^import\s+"([^"]+)"/gms);
    const specifiers = [...statements].map(([, from, bare]) => (from ?? bare)!);
    found.set(file, specifiers);
    for (const specifier of specifiers) if (specifier.startsWith(".")) visit(resolve(dirname(file), specifier));
  };
  visit(join(installed, "dist/entries", `${entry}.js`));
  return found;
}

/** Modules of `src` that an entry's files were bundled from. */
function sourcesOf(entry: string): string[] {
  const maps = [...importsFrom(entry).keys()].map((file) => `${file}.map`);
  // A file that only exports what is in others has none.
  const sourceMaps = maps.filter((map) => existsSync(map)).map((map) => JSON.parse(readFileSync(map, "utf8")));
  return sourceMaps.flatMap(({ sources }: { sources: string[] }) => sources);
}

function packagesOf(entry: string): string[] {
  const specifiers = [...importsFrom(entry).values()].flat().filter((specifier) => !/^(\.|node:)/.test(specifier));
  return [...new Set(specifiers.map((specifier) => /^(@[^/]+\/)?[^/]+/.exec(specifier)![0]))];
}

/** A checkout that was installed before they became dependencies lacks them. */
const tool = (name: string) => join(ROOT, "node_modules/.bin", name);

test.skipIf(!existsSync(tool("publint")))("publint reports no problems", () => {
  run(tool("publint"), ["run", tarball, "--strict"]);
});

test.skipIf(!existsSync(tool("attw")))("the types resolve correctly according to @arethetypeswrong/cli", () => {
  // The one finding passed over: `require` gets a module, which every Node that is supported can do.
  run(tool("attw"), [tarball, "--ignore-rules", "cjs-resolves-to-esm", "--no-color", "--no-emoji"]);
});

/** Needs a registry, and minutes: only where somebody waits for neither. */
test.skipIf(!IS_THOROUGH)("npm installs it into an empty project", {}, () => {
  const project = join(scratch, "project");
  mkdirSync(project);
  const allowScripts = { "onnxruntime-node": false };
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, allowScripts }));
  const { status, stderr } = spawnSync("npm", ["install", "--no-audit", "--no-fund", tarball], {
    cwd: project,
    encoding: "utf8",
    // Not the settings of this checkout, which npm hands on to what it starts.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip", npm_config_onnxruntime_node_install: undefined },
  });
  expect(stderr).not.toMatch(/npm error|Unknown .* config/);
  expect(status).toBe(0);
  expect(readdirSync(join(project, "node_modules", NAME))).toContain("dist");
  expect(run("npx", ["--no-install", "tailor", "--help"], project)).toContain("Usage: tailor");
});
