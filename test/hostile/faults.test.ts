/**
 * Commands that are killed, or whose writing fails, at any of their calls that change files, and then the same command again:
 * it ends with whole files and the results of an undisturbed one. `npm run test:hostile` does many rounds of it.
 */
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportRun } from "../../src/exchange/export-run.ts";
import { randomStream } from "../../src/random.ts";
import { checkRunFiles, openRun, readMetrics, readWeights } from "../../src/runs/node/run-files.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { type Result, refusalOf, start, startTailor } from "../cli/support/tailor.ts";
import { tinyData } from "../data/fixtures.ts";
import { putClasses } from "../data/picture-fixtures.ts";
import { smallRuns } from "../server/support/small-runs.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { otherNetwork } from "../training/support/backbones.ts";
import { contents } from "../training/support/damage.ts";
import { withoutTimes } from "../training/support/same-run.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";

const IS_CAMPAIGN = process.env.HOSTILE_ROUNDS !== undefined;
/** Faults of each command. */
const FAULTS = Number(
  process.env.HOSTILE_FAULTS ?? (IS_CAMPAIGN ? Math.ceil(Number(process.env.HOSTILE_ROUNDS) / 10) : 1),
);
const SEED = Number(process.env.HOSTILE_SEED ?? 1);
/** A kill as often as all errors together. */
const KINDS = ["SIGKILL", "ENOSPC", "SIGKILL", "EIO", "SIGKILL", "EROFS"] as const;

const FOLDER = sharedFolder();
const DATA_FACTS = join(FOLDER, "published.json");
const tiny = tinyData();
const PICTURES = join(FOLDER, "pictures");
const WEIGHTS = join(FOLDER, "exported.safetensors");
const DATA = await smallDataFolder({ train: 200, test: 40, isHalved: true });
/** The study's networks take whole images. */
const WHOLE = await smallDataFolder({ train: 200, test: 40, isHalved: true });
const { runs } = await smallRuns(["a"]);
const RUN = join(runs, "a");
const PRELOAD = join(import.meta.dirname, "support/faults.mjs");
const THREAD = ["--threads", "1"];
const SMALL = ["--data", DATA, "--limit", "40", ...THREAD];

/** A command that writes into a folder. */
interface Task {
  readonly name: string;
  readonly args: (out: string) => readonly string[];
  /** Another way to go on than the same command, which names it. */
  readonly resume?: (out: string) => readonly string[];
  /** The program, where it is not the command line; it has no way to go on but the same call. */
  readonly script?: string;
  /** Long ones are no part of `npm test`. */
  readonly isLong?: boolean;
}

const TASKS: readonly Task[] = [
  {
    name: "train",
    args: (out) => ["train", "base", ...SMALL, "--batch-size", "20", "--epochs", "3", "--skip-report", "--out", out],
    resume: (out) => ["train", "--resume", out, "--data", DATA, ...THREAD, "--skip-report"],
  },
  { name: "import", args: (out) => ["import", WEIGHTS, "--out", out, ...THREAD] },
  {
    name: "export",
    args: (out) => ["export", RUN, "--format", "pytorch", "--out", out, "--force", ...THREAD],
  },
  {
    name: "train transfer with a network of Hugging Face",
    args: (out) => {
      const options = ["--data", PICTURES, "--size", "16", "--epochs", "2", "--batch-size", "8", ...THREAD];
      return [
        "train",
        "transfer",
        "--backbone",
        "hf:owner/net",
        ...options,
        "--skip-report",
        "--out",
        join(out, "run"),
      ];
    },
    resume: (out) => ["train", "--resume", join(out, "run"), ...THREAD, "--skip-report"],
    isLong: true,
  },
  {
    name: "sweep",
    args: (out) => ["sweep", "base", ...SMALL, "--epochs", "1", "--over", "learningRate=1e-3,3e-3", "--out", out],
    isLong: true,
  },
  {
    name: "ablate",
    args: (out) => [
      "ablate",
      "--from",
      "base-study",
      "--epochs",
      "1",
      "--seeds",
      "1",
      "--data",
      WHOLE,
      ...THREAD,
      "--out",
      out,
    ],
    isLong: true,
  },
  {
    name: "fetching published data",
    script: join(import.meta.dirname, "support/fetch-data.mjs"),
    args: (out) => [DATA_FACTS, `${address()}/data/`, out],
  },
  { name: "study", args: (out) => ["study", "--quick", "--data", WHOLE, ...THREAD, "--out", out], isLong: true },
];

const network = otherNetwork();
const hub = createServer(({ url = "", method }, response) => {
  const facts = { "x-repo-commit": "a".repeat(40), etag: '"0123abcd"', "content-length": network.length };
  const published = tiny.contents.get(/^\/data\/(.*)\.gz$/.exec(url)?.[1] ?? "");
  if (published) response.end(gzipSync(published));
  else if (url !== "/owner/net/resolve/main/model.onnx") response.writeHead(404).end();
  else response.writeHead(200, facts).end(method === "HEAD" ? undefined : network);
});

const address = () => `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;

beforeAll(async () => {
  writeFileSync(DATA_FACTS, JSON.stringify(tiny.data));
  await putClasses(PICTURES, { a: 12, b: 12 }, { width: 16, height: 16 });
  const options = { force: false, data: undefined, threads: 1, runtime: nodeRuntime };
  await exportRun(RUN, { format: "safetensors", out: WEIGHTS, ...options });
  await new Promise<void>((resolve) => void hub.listen(0, "127.0.0.1", resolve));
});

const figures = { faults: 0, killed: 0, refused: 0, unnoticed: 0, same: 0 };

afterAll(() => {
  hub.close();
  if (!IS_CAMPAIGN) return;
  const { faults, killed, refused, unnoticed, same } = figures;
  process.stdout.write(
    `faults, seed ${SEED}: ${faults} in ${TASKS.length} commands, ${killed} killed, ${refused} refused in one message, ${unnoticed} without an effect; after ${same} the same command ended with the undisturbed result\n`,
  );
});

/** Runs a command with a fault, or only counts its calls. */
function run({ args, script }: Task, out: string, fault: Record<string, string>): Promise<Result> {
  const env = { ...fault, HF_ENDPOINT: address(), HF_HUB_CACHE: join(out, "hub"), TAILOR_CACHE: undefined };
  const preload = ["--import", PRELOAD];
  if (script === undefined) return startTailor(args(out), { env, node: preload }).ended;
  return start(process.execPath, [...preload, script, ...args(out)], { env }).ended;
}

const LOCK = /(^|\/)lock(\.takeover)*$/;
/** What a killed process has fetched so far, which a later one removes after a day. */
const STAGING = /(^|\/)\.fetching-\w+/;

/** A lock that was not written whole counts for some seconds, as another process may be writing it: they are over. */
function settleLocks(out: string): void {
  if (!existsSync(out)) return;
  const names = readdirSync(out, { recursive: true, encoding: "utf8" });
  for (const name of names.filter((one) => LOCK.test(one))) utimesSync(join(out, name), 0, 0);
}

/** What a folder holds that does not depend on time: whole runs, and all files that are not of runs. */
function resultOf(out: string): unknown {
  const all = existsSync(out) ? readdirSync(out, { recursive: true, encoding: "utf8" }) : [];
  // A killed process leaves its lock, which the next one that writes takes over.
  const names = all.filter((name) => !LOCK.test(name) && !STAGING.test(name));
  expect(names.filter((name) => /\.tmp$|\.part$/.test(name))).toEqual([]);
  const folders = names.filter((name) => name.endsWith("run.json")).map((name) => join(out, name, ".."));
  return {
    runs: folders.toSorted().map((path) => {
      const opened = openRun(path);
      checkRunFiles(opened);
      const { record } = opened;
      const evaluations = Object.entries(record.evaluations ?? {}).map(([split, { correct }]) => [split, correct]);
      return [readWeights(opened), readMetrics(opened).map(withoutTimes), record.status, evaluations];
    }),
    // What is made from runs has their times.
    names: names.filter((name) => !/run\.json$/.test(name)).toSorted(),
    ...(folders.length === 0 && { contents: [...contents(out)].filter(([name]) => !STAGING.test(name)) }),
  };
}

const SHORT = TASKS.filter(({ isLong }) => !isLong);
/** The campaign does all of them, a suite one or the short ones. */
const TRIED = IS_CAMPAIGN ? TASKS : SHORT.slice(0, IS_THOROUGH ? undefined : 1);

describe.each(TRIED)("$name", (task) => {
  const { name, resume } = task;
  test("gives the undisturbed result when it is run again", async () => {
    const log = join(FOLDER, "calls");
    const through = join(FOLDER, "through");
    const out = join(FOLDER, "out");
    const fresh = (folder: string) => rmSync(folder, { recursive: true, force: true });
    fresh(through);
    const whole = await run(task, through, { FAULT_LOG: log });
    expect(whole.code, whole.stderr).toBe(0);
    const calls = Number(readFileSync(log, "utf8"));
    expect(calls).toBeGreaterThan(3);
    const expected = resultOf(through);
    const stream = randomStream(SEED, "check", 1000 + TASKS.findIndex((task) => task.name === name));
    for (let i = 0; i < FAULTS; i++) {
      fresh(out);
      const [kind, at] = [KINDS[i % KINDS.length]!, 1 + stream.below(calls)];
      const what = `${kind} at call ${at} of ${calls}`;
      const struck = await run(task, out, { FAULT: kind, FAULT_AT: String(at) });
      figures.faults++;
      if (struck.signal === "SIGKILL") figures.killed++;
      else if (struck.code === 0) figures.unnoticed++;
      else {
        figures.refused++;
        expect(refusalOf({ ...struck, stdout: "" }, struck.code === 2 ? 2 : 1), what).toMatch(/\S/);
      }
      expect(kind === "SIGKILL", `${what}: ${struck.stderr}`).toBe(struck.signal === "SIGKILL");
      // A command that had already finished refuses to replace its result.
      settleLocks(out);
      let again = await run(task, out, {});
      if (again.code === 2 && resume && /resume/.test(again.stderr))
        again = await run({ ...task, args: resume }, out, {});
      if (again.code !== 0) expect(again.stderr, what).toMatch(/is finished|already|holds imported weights/);
      expect(resultOf(out), what).toEqual(expected);
      figures.same++;
    }
  });
});
