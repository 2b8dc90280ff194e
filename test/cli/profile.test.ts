import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { KindTime, LayerTime, RunProfile } from "../../src/bench/profile.ts";
import type { ProductSpeed } from "../../src/bench/roofline.ts";
import { THOROUGH } from "../support/thorough.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { tailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 240, test: 20 });
const FOLDER = sharedFolder();
const NOT_NODES = ["engine, between nodes", "loop around the engine"];

const sum = (rows: readonly { milliseconds: number }[]) =>
  rows.reduce((total, { milliseconds }) => total + milliseconds, 0);

interface RooflineJson {
  readonly peak: ProductSpeed & { readonly tried: readonly ProductSpeed[] };
  readonly bandwidth: { readonly gigabytesPerSecond: number };
  readonly models: readonly {
    readonly model: string;
    readonly stepMilliseconds: number;
    readonly gflops: number;
    readonly shareOfPeak: number;
    readonly profiledSteps: number;
    readonly profiledStepMilliseconds: number;
    readonly multiplyAdds: number;
    readonly byKind: readonly KindTime[];
    readonly byLayer: readonly LayerTime[];
  }[];
}

describe("bench roofline", () => {
  const ARGS = ["bench", "roofline", "--data", DATA, "--batch-size", "24", "--threads", "1", "--steps", "2"];

  test("--json gives the machine's limits and each network's share of them", THOROUGH, async () => {
    const { peak, bandwidth, models, ...rest } = await tailorJson<RooflineJson>([
      ...ARGS,
      "--models",
      "base, enhanced",
    ]);
    expect(rest).toMatchObject({ threads: 1, batchSize: 24 });
    expect(peak.tried).toHaveLength(5);
    expect(peak.gflops).toBe(Math.max(...peak.tried.map(({ gflops }) => gflops)));
    expect(peak.tried).toContainEqual({ what: peak.what, gflops: peak.gflops });
    expect(bandwidth.gigabytesPerSecond).toBeGreaterThan(0);
    expect(models.map(({ model }) => model)).toEqual(["base", "enhanced"]);
    // A run of the engine does several steps, and is counted whole.
    for (const { profiledSteps } of models) expect(profiledSteps).toBeGreaterThanOrEqual(2);
    expect(models.map(({ multiplyAdds }) => multiplyAdds / 24)).toEqual([
      3 * 4_241_152 - 225_792,
      3 * 22_199_296 - 225_792,
    ]);
    for (const { stepMilliseconds, gflops, shareOfPeak, multiplyAdds, ...profile } of models) {
      expect(gflops).toBeCloseTo((2 * multiplyAdds) / stepMilliseconds / 1e6, 9);
      expect(shareOfPeak).toBeCloseTo(gflops / peak.gflops, 9);
      for (const rows of [profile.byKind, profile.byLayer]) {
        expect(sum(rows)).toBeCloseTo(profile.profiledStepMilliseconds, 6);
      }
      expect(profile.byKind.slice(-2).map(({ kind }) => kind)).toEqual(NOT_NODES);
      expect(Object.keys(profile.byKind[0]!)).toEqual(["kind", "milliseconds", "share", "gflops"]);
      expect(profile.byLayer.map(({ layer }) => layer)).toEqual(expect.arrayContaining(["conv1", "fc2", "loss"]));
      expect(Object.keys(profile.byLayer[0]!)).toEqual([
        "layer",
        "forward",
        "backward",
        "update",
        "milliseconds",
        "share",
      ]);
    }
  });

  test("prints peak, memory bandwidth, one line per model, and its tables", THOROUGH, async () => {
    const { code, stdout } = await tailor([...ARGS, "--models", "base", "--lowering", "standard"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^peak: \d+ GFLOP\/s \(.+, 1 thread; a multiply-add is 2 FLOP\)\nmemory: [\d.]+ GB\/s \(/);
    expect(stdout).toMatch(/^model +ms a step \(median\) .*\nbase +[\d.]+ +300 M +\d+ +\d+ %$/m);
    expect(stdout).toMatch(/^base: time of a step in milliseconds, mean of \d+ with the profiler on$/m);
    expect(stdout).toMatch(/^fusedConv2d +[\d.]+ +[\d.]+ % +\d+$/m);
    expect(stdout).toMatch(/^conv2 +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+ %$/m);
    expect(stdout.match(/^total .*100\.0 %$/gm)).toHaveLength(2);
  });
});

/** What Muon multiplies to orthogonalise the weights of `enhanced`: five steps of two products and a square each. */
const MUON = [
  [32, 9],
  [32, 288],
  [64, 288],
  [64, 576],
  [128, 576],
  [256, 1152],
  [10, 256],
].reduce((total, sides) => {
  const [short, long] = [Math.min(...sides), Math.max(...sides)];
  return total + 5 * (2 * short ** 2 * long + short ** 3);
}, 0);

describe("train --profile", () => {
  const ARGS = ["train", "enhanced", "--data", DATA, "--limit", "60", "--batch-size", "20", "--epochs", "2"];
  const REST = ["--threads", "1", "--seed", "3", "--skip-report"];

  test("gives the time breakdown without changing the run", THOROUGH, async () => {
    const out = (name: string) => join(FOLDER, name);
    const plain = await tailorJson([...ARGS, ...REST, "--out", out("plain")]);
    const profiled = await tailorJson<{ profile: RunProfile; weightsSha256: string; run: string }>([
      ...ARGS,
      ...REST,
      "--out",
      out("profiled"),
      "--profile",
    ]);
    expect(profiled.weightsSha256).toBe(plain.weightsSha256);
    const { profile } = profiled;
    expect(JSON.parse(readFileSync(join(out("profiled"), "profile.json"), "utf8"))).toEqual(profile);
    expect(existsSync(join(out("plain"), "profile.json"))).toBe(false);
    expect(readdirSync(out("profiled")).filter((name) => name !== "profile.json")).toEqual(readdirSync(out("plain")));
    expect(profile).toMatchObject({
      batchSize: 20,
      threads: 1,
      multiplyAdds: 20 * (3 * 22_199_296 - 225_792) + MUON,
    });
    expect(profile.steps).toBeGreaterThanOrEqual(40);
    expect(profile.gflops).toBeCloseTo((2 * profile.multiplyAdds) / profile.stepMilliseconds / 1e6, 9);
    expect(sum(profile.byKind)).toBeCloseTo(profile.stepMilliseconds, 6);
    expect(sum(profile.byLayer)).toBeCloseTo(profile.stepMilliseconds, 6);
  });

  test("prints the tables after the run's result", async () => {
    const args = ["train", "base", "--data", DATA, "--limit", "20", "--batch-size", "8", "--epochs", "1"];
    const { code, stdout } = await tailor([...args, ...REST, "--out", join(FOLDER, "words"), "--profile"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^run: .*words\n\n\d+ GFLOP\/s over whole steps \(a multiply-add is 2 FLOP\)\n/m);
    expect(stdout).toMatch(/^optimizer +[\d.]+ +[\d.]+ %$/m);
  });
});
