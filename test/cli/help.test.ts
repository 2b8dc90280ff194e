import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands/index.ts";
import { refusalOf, start, tailor } from "./support/tailor.ts";

const commands = await Promise.all(COMMANDS.map(async ({ summary, load }) => ({ summary, ...(await load()) })));
const DIST = resolve(import.meta.dirname, "../../dist");

/** What a preloaded module prints when the process ends: the native libraries it has loaded by then. */
const TELL_LIBRARIES = `data:text/javascript,${encodeURIComponent(`
  process.on("exit", () => {
    process.report.excludeNetwork = true;
    process.stderr.write(process.report.getReport().sharedObjects.join("\\n"));
  });
`)}`;

/** Help as one line: it is folded at the terminal's width. */
const unfolded = (text: string) => text.replace(/\s+/g, " ");

describe("help", () => {
  test("the list of commands matches their files", () => {
    expect(commands.map(({ name }) => name)).toEqual(COMMANDS.map(({ name }) => name));
    expect(commands.map(({ name }) => name)).toEqual([
      "study",
      "train",
      "evaluate",
      "report",
      "compare",
      "predict",
      "serve",
      "export",
      "import",
      "ablate",
      "sweep",
      "lr-find",
      "race",
      "merge",
      "worker",
      "queue",
      "summary",
      "data",
      "bench",
    ]);
  });

  test("tailor --help names every command with its summary, on standard output", async () => {
    const { code, stdout, stderr } = await tailor(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const { name, summary } of commands) expect(unfolded(stdout)).toContain(`${name} ${summary}`);
  });

  test.each(commands)(
    "tailor $name --help tells arguments, options, defaults, choices and examples",
    async (command) => {
      const { code, stdout, stderr } = await tailor([command.name, "--help"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const text = unfolded(stdout);
      expect(text).toContain(command.summary);
      for (const { name, description } of command.arguments) {
        expect(text).toContain(`${name.slice(1, -1).replace("...", "")} ${description}`);
      }
      for (const { flags, description, choices, default: shown } of command.options) {
        expect(text).toContain(`${flags} ${description}`);
        if (shown !== undefined) expect(text).toContain(`(default: ${shown})`);
        if (choices) expect(text).toContain(`(choices: ${choices.map((word) => `"${word}"`).join(", ")})`);
      }
      for (const flags of ["--json ", "--verbose ", "-h, --help "]) expect(text).toContain(flags);
      for (const example of command.examples) expect(stdout).toContain(`\n  ${example}`);
    },
  );

  test("tailor help COMMAND prints the same as tailor COMMAND --help", async () => {
    const [long, short] = await Promise.all([tailor(["help", "train"]), tailor(["train", "--help"])]);
    expect(long).toEqual(short);
  });

  test("tailor alone is a usage error: help on standard error, exit code 2", async () => {
    const { code, stdout, stderr } = await tailor([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: tailor");
    // As tailor --help prints it, line by line.
    expect(stderr).toBe((await tailor(["--help"])).stdout);
  });

  test.each([["trian"], ["trian", "--verbose"], ["bench train"]])(
    "tailor help %s is an unknown command",
    async (...words) => {
      const asked = await tailor(["help", ...words]);
      expect(refusalOf(asked, 2)).toMatch(/^unknown command '(trian|bench train)'; the commands are study, train, /);
      expect(asked.stderr).toBe((await tailor([words[0]!])).stderr);
    },
  );

  test("predict and summary do not speak of garments where other pictures are meant", async () => {
    const { stdout } = await tailor(["predict", "--help"]);
    expect(unfolded(stdout)).toContain("only runs on Fashion-MNIST");
    expect(stdout).not.toMatch(/shirt|boot|dress/i);
  });

  test("tailor --version prints the package's", async () => {
    const { version } = JSON.parse(readFileSync(resolve(DIST, "../package.json"), "utf8"));
    expect(await tailor(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });
});

describe("starting", () => {
  test("main.js reaches neither the engine nor zod without a dynamic import", () => {
    const seen = new Set<string>();
    const packages = new Set<string>();
    const visit = (file: string) => {
      if (seen.has(file)) return;
      seen.add(file);
      const text = readFileSync(file, "utf8");
      for (const [, specifier] of text.matchAll(/^(?:import|export)\s(?:[^;"]*?from\s)?"([^"]+)";/gms)) {
        if (specifier!.startsWith(".")) visit(resolve(dirname(file), specifier!));
        else packages.add(specifier!);
      }
    };
    visit(resolve(DIST, "cli/main.js"));
    expect([...packages].filter((name) => !name.startsWith("node:")).sort()).toEqual(["commander", "picocolors"]);
    // zod alone has 500 kB.
    const bytes = [...seen].reduce((sum, file) => sum + readFileSync(file).length, 0);
    expect(bytes).toBeLessThan(100_000);
  });

  test("no command's help loads ONNX Runtime's library", async () => {
    const helps = [["--help"], ...commands.map(({ name }) => [name, "--help"])];
    const program = `import { main } from "${pathToFileURL(resolve(DIST, "cli/main.js"))}";
      for (const args of ${JSON.stringify(helps)}) console.error("code", await main(args));`;
    const node = ["--import", TELL_LIBRARIES, "--input-type=module", "--eval", program];
    const { stderr } = await start(process.execPath, node).ended;
    expect(stderr.match(/^code 0$/gm)).toHaveLength(helps.length);
    expect(stderr).toMatch(/libc\.|\.node|ld-|linux-vdso|libSystem/);
    expect(stderr).not.toContain("onnxruntime");
  });

  test("a loaded library is detected", async () => {
    const { stderr } = await tailor(["bench", "train", "--models", "nothing"], { node: ["--import", TELL_LIBRARIES] });
    expect(stderr).toMatch(/no model "nothing"/);
    expect(stderr).not.toContain("onnxruntime");
    const loaded = await tailor(["bench", "train", "--data", "/nowhere"], { node: ["--import", TELL_LIBRARIES] });
    expect(loaded.stderr).toContain("onnxruntime");
  });
});
