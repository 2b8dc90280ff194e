/** Runs on disks that fill up or are read-only, with temporary file systems. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readMetrics, readRunRecord, readState } from "../../src/runs/node/run-files.ts";
import { hubServer } from "../data/hub-server.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { BIN, type Result, refusalOf, start, tailorJson, twoStepEpochs } from "./support/tailor.ts";

const hub = hubServer();
const DATA = await smallDataFolder({ train: 240, test: 20 });
const FOLDER = sharedFolder();
const TRAIN = [...twoStepEpochs(DATA, 3), "--skip-report"];
/** util-linux's program that runs a process with its own mounts, with its options. */
const [UNSHARE, ...NAMESPACES] = ["unshare", "--user", "--map-root-user", "--mount"] as const;
/** Why these tests cannot run here, if so: a mount needs root, or a user namespace. */
const NO_MOUNTS =
  spawnSync(UNSHARE, [...NAMESPACES, "sh", "-c", "mount -t tmpfs none /mnt"]).status !== 0
    ? "needs util-linux and the right to make user namespaces"
    : undefined;

/**
 * Trains into a folder of a file system that only this process sees; what is in the folder at the end is copied out.
 *
 * @param mount shell commands that mount it at "$place"
 */
function trainOn(mount: string, name: string, kept: string): Promise<Result> {
  return runOn(mount, name, kept, (place) => ({ args: [...TRAIN, "--out", join(place, "run"), "--json"] }));
}

async function runOn(
  mount: string,
  name: string,
  kept: string,
  command: (place: string) => { args: readonly string[]; env?: Record<string, string> },
): Promise<Result> {
  const [place, copy] = [join(FOLDER, name), join(FOLDER, kept)];
  mkdirSync(place);
  mkdirSync(copy);
  const script = `place=$1; copy=$2; shift 2; ${mount} && { "$@"; code=$?; cp -a "$place/." "$copy"; exit $code; }`;
  const { args, env = {} } = command(place);
  const called = [place, copy, process.execPath, BIN, ...args];
  return start(UNSHARE, [...NAMESPACES, "sh", "-c", script, "sh", ...called], { env }).ended;
}

describe.skipIf(NO_MOUNTS !== undefined)(`disks (${NO_MOUNTS ?? "mounted"})`, () => {
  test("a disk that fills up at the second checkpoint stops the run in one line; it can be resumed elsewhere", async () => {
    // A state has 5.1 MB, and the new one is written before the old one is replaced.
    const result = await trainOn('mount -t tmpfs -o size=8m none "$place"', "small", "saved");
    expect(refusalOf(result, 1)).toMatch(
      /cannot write .*state\.safetensors: the disk is full \(ENOSPC\); free some space, or choose a folder on another/,
    );
    const run = join(FOLDER, "saved", "run");
    expect(readdirSync(run).sort()).toEqual(["metrics.jsonl", "run.json", "state.safetensors"]);
    expect(readRunRecord(run).status).toBe("running");
    expect(readMetrics(run).map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(readState(run).metadata.step).toBe("2");

    const resumed = await tailorJson(["train", "--resume", run, "--data", DATA, "--threads", "1"]);
    const through = await tailorJson([...TRAIN, "--out", join(FOLDER, "through")]);
    expect(resumed.weightsSha256).toBe(through.weightsSha256);
    expect(withoutTimes(run)).toEqual(withoutTimes(join(FOLDER, "through")));
  });

  test("a full disk while weights are fetched is reported in one line; the partial file is not used", async () => {
    const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251);
    hub.files.set("owner/net/model.safetensors", { content, stored: content });
    const result = await runOn('mount -t tmpfs -o size=128k none "$place"', "hub", "hub-after", (place) => ({
      args: ["train", "tiny", "--weights", "hf:owner/net", "--data", DATA, "--out", join(FOLDER, "never")],
      env: { HF_HUB_CACHE: place, HF_ENDPOINT: hub.url() },
    }));
    expect(refusalOf(result, 1)).toMatch(
      /\.incomplete cannot be written \(ENOSPC.*\); free some space, or set HF_HUB_CACHE to a folder on another disk/,
    );
    const left = readdirSync(join(FOLDER, "hub-after"), { recursive: true, encoding: "utf8" });
    expect(left.filter((path) => path.includes("snapshots"))).toEqual([]);
    expect(left.filter((path) => path.includes("blobs/")).every((path) => path.endsWith(".incomplete"))).toBe(true);
  });

  test("a disk that is full from the start, or read-only, is refused in one line and left empty", async () => {
    const full = await trainOn(
      'mount -t tmpfs -o size=4k none "$place" && echo > "$place/other"',
      "full",
      "full-after",
    );
    expect(refusalOf(full, 1)).toMatch(/: the disk is full \(ENOSPC\); free some space/);
    const readOnly = await trainOn(
      'mount -t tmpfs none "$place" && echo > "$place/other" && mount -o remount,ro "$place"',
      "read-only",
      "read-only-after",
    );
    expect(refusalOf(readOnly, 1)).toMatch(/: the file system is read-only \(EROFS\); choose a folder that can be/);
    for (const after of ["full-after", "read-only-after"]) {
      expect(readdirSync(join(FOLDER, after), { recursive: true })).toEqual(["other"]);
    }
  });
});

test.skipIf(process.platform !== "linux")("a result that cannot be written is a failure, in one line", async () => {
  const script = '"$1" "$2" summary base --json > /dev/full';
  const { code, stderr } = await start("sh", ["-c", script, "sh", process.execPath, BIN]).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/\nerror: cannot write the output: ENOSPC.*\n$/);
  expect(stderr).not.toMatch(/^\s+at /m);
});

/** Metrics, but for what depends on the clock. */
function withoutTimes(run: string): unknown[] {
  const lines = readFileSync(join(run, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => ({ ...JSON.parse(line), seconds: 0, imagesPerSecond: 0 }));
}
