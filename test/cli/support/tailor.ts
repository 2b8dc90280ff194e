/** Runs the built command line, as a script would. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, expect } from "vitest";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const BIN = `${ROOT}bin/tailor.js`;

/** Arguments that train base for some epochs of two steps, on one thread; `--out` must be added. */
export function twoStepEpochs(data: string, epochs: number): string[] {
  const options = { data, limit: 40, "batch-size": 20, epochs, threads: 1 };
  return ["train", "base", ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])];
}

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

export interface Result {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  /** Of the test's process, with these changes; undefined takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Contents of standard input; default empty. */
  readonly input?: Uint8Array;
  /** Options of Node itself. */
  readonly node?: readonly string[];
}

/** A command that runs, and its result when it has ended. */
export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Result>;
  /** What it has printed so far. */
  readonly said: () => { readonly stdout: string; readonly stderr: string };
  /** Waits until standard error contains a text. */
  readonly hasSaid: (text: string | RegExp) => Promise<void>;
}

/** Starts a command. One that still runs is killed when the test file is over. */
export function startTailor(args: readonly string[], { node = [], ...options }: StartOptions = {}): Started {
  return start(process.execPath, [...node, BIN, ...args], options);
}

/** Starts any program, without colours unless `env` enables them. */
export function start(
  program: string,
  args: readonly string[],
  { env = {}, cwd = ROOT, input }: StartOptions = {},
): Started {
  if (!existsSync(`${ROOT}dist/cli/main.js`)) throw new Error("dist/ is not built: `npm run build`");
  const plain = { ...process.env, FORCE_COLOR: undefined, NO_COLOR: undefined, CI: undefined, NODE_OPTIONS: undefined };
  const child = spawn(program, args, { cwd, env: { ...plain, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => {}); // A command that does not read it may end first.
  child.stdin.end(input);
  running.add(child);
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.stderr += text;
  });
  const ended = new Promise<Result>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      running.delete(child);
      resolve({ code, signal, ...said });
    });
  });
  const hasSaid = (text: string | RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (typeof text === "string" ? said.stderr.includes(text) : text.test(said.stderr)) resolve();
      };
      child.stderr.on("data", look);
      child.once("close", () => reject(new Error(`it ended without saying ${text}:\n${said.stderr}`)));
      look();
    });
  return { child, ended, said: () => said, hasSaid };
}

/** Runs a command to its end. */
export function tailor(args: readonly string[], options: StartOptions = {}): Promise<Result> {
  return startTailor(args, options).ended;
}

/** The one object that a command printed with --json: one line on standard output, and nothing else there. */
export function jsonOf<Printed = Record<string, unknown>>({ code, stdout, stderr }: Result): Printed {
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^\{.*\}\n$/);
  return JSON.parse(stdout);
}

/** Runs a command with --json that must succeed. */
export async function tailorJson<Printed = Record<string, unknown>>(
  args: readonly string[],
  options: StartOptions = {},
): Promise<Printed> {
  return jsonOf<Printed>(await tailor([...args, "--json"], options));
}

/**
 * The message of a command that refused: nothing on standard output, one line that begins with "error: ", no stack
 * trace, no talk of a defect. Lines of progress may stand before it, and commander's "(Did you mean ...?)" after it.
 */
export function refusalOf({ code, stdout, stderr }: Result, expectedCode: 1 | 2): string {
  expect({ code, stdout, stderr }).toMatchObject({ code: expectedCode, stdout: "" });
  const lines = stderr
    .replace(/\(Did you mean .*\?\)\n$/, "")
    .trimEnd()
    .split("\n");
  expect(lines.filter((line) => line.startsWith("error: "))).toEqual([lines.at(-1)]);
  expect(stderr).not.toMatch(/^\s+at |node:internal|defect|\[object/m);
  return lines.at(-1)!.slice("error: ".length);
}
