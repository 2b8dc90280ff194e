/** Runs the built command line, as a script would. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const BIN = `${ROOT}bin/tailor.js`;

/** Arguments that train base for some epochs of two steps, on one thread; `--out` must be added. */
export function twoStepEpochs(data: string, epochs: number): string[] {
  const options = { data, limit: 40, "batch-size": 20, epochs, threads: 1 };
  return ["train", "base", ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])];
}

/** What ends a command's output where several share a process: no command prints it. */
const END = "\0end\0";

const running = new Set<ChildProcess>();

/** Ends what a test file has left running. */
export function killStarted(): void {
  for (const child of running) child.kill("SIGKILL");
}

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
  needsBuild();
  const child = spawn(program, args, { cwd, env: { ...plainEnvironment(), ...env }, stdio: ["pipe", "pipe", "pipe"] });
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

function needsBuild(): void {
  if (!existsSync(`${ROOT}dist/cli/main.js`)) throw new Error("dist/ is not built: `npm run build`");
}

/** The test's own environment without what changes how output looks. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, FORCE_COLOR: undefined, NO_COLOR: undefined, CI: undefined, NODE_OPTIONS: undefined };
}

/**
 * Runs a command to its end: in a process that is used for the next one too, as Node's start and the loading of modules
 * take longer than most commands. With options of a process, in one of its own.
 */
export function tailor(args: readonly string[], options?: StartOptions): Promise<Result> {
  if (options) return startTailor(args, options).ended;
  const result = queue.then(() => runInTurn(args));
  queue = result.catch(() => {});
  return result;
}

/** Ends when the commands so far have: the streams of a process hold one command's output at a time. */
let queue: Promise<unknown> = Promise.resolve();

/** Commands that one process runs before a new one takes over: what they leave in memory ends with it. */
const COMMANDS_A_PROCESS = 50;

let shared: { readonly child: ChildProcess; commands: number } | undefined;

async function runInTurn(args: readonly string[]): Promise<Result> {
  shared ??= { child: forkCommands(), commands: 0 };
  shared.commands++;
  const { child } = shared;
  const said = { stdout: "", stderr: "" };
  const result = await new Promise<Result>((resolve) => {
    let code: number | undefined;
    const finish = () => {
      if (code === undefined || !said.stdout.endsWith(END) || !said.stderr.endsWith(END)) return;
      resolve({
        code,
        signal: null,
        stdout: said.stdout.slice(0, -END.length),
        stderr: said.stderr.slice(0, -END.length),
      });
    };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream]!.removeAllListeners("data").on("data", (text: string) => {
        said[stream] += text;
        finish();
      });
    }
    child.removeAllListeners("message").on("message", (ended: number) => {
      code = ended;
      finish();
    });
    // A command that ended its process, or a crash.
    child.removeAllListeners("close").on("close", (exitCode, signal) => {
      shared = undefined;
      resolve({ code: exitCode, signal, ...said });
    });
    child.send({ args, end: END });
  });
  if (shared && shared.commands >= COMMANDS_A_PROCESS) {
    shared = undefined;
    child.disconnect();
  }
  return result;
}

function forkCommands(): ChildProcess {
  needsBuild();
  const script = fileURLToPath(new URL("command-process.js", import.meta.url));
  const child = fork(script, {
    cwd: ROOT,
    env: plainEnvironment(),
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    execArgv: [],
  });
  child.stdout!.setEncoding("utf8");
  child.stderr!.setEncoding("utf8");
  return child;
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
  options?: StartOptions,
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
