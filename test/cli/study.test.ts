import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readMetrics, readRunRecord } from "../../src/runs/node/run-files.ts";
import { THOROUGH } from "../support/thorough.ts";
import { expectSameRun } from "../training/support/same-run.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { jsonOf, type Result, refusalOf, startTailor, tailor, tailorJson } from "./support/tailor.ts";

/** 275 images train: 8 steps a run. */
const DATA = await smallDataFolder({ train: 300, test: 130 });
const FOLDER = sharedFolder();
const OUT = join(FOLDER, "study");
const QUICK = ["study", "--quick", "--data", DATA, "--threads", "1"];
const INTERRUPTED = 130;

interface StudyJson {
  readonly report: string;
  readonly plots: readonly string[];
  readonly runs: readonly { run: string; recipe: string; accuracy: number; correct: number; total: number }[];
  readonly gains: readonly { base: string; difference: number; paired: { p: number } | null }[];
}

let made: Result;
beforeAll(async () => {
  made = await tailor([...QUICK, "--out", OUT, "--json"]);
});

/** Runs a command that must succeed, with output on standard error. */
const printed = () => JSON.parse(made.stdout) as StudyJson;

describe("study --quick --json", () => {
  test("prints one object: the report, the plots, the runs", () => {
    expect(made.code, made.stderr).toBe(0);
    expect(made.stdout).toMatch(/^\{.*\}\n$/);
    const { report, plots, runs } = printed();
    expect(report).toBe(join(OUT, "report.html"));
    expect(runs.map(({ run, recipe }) => [run, recipe])).toEqual([
      [join(OUT, "runs/base-s1"), "base"],
      [join(OUT, "runs/enhanced-s1"), "enhanced"],
    ]);
    for (const { correct, total, accuracy } of runs) {
      expect(total).toBe(130);
      expect(accuracy).toBe(correct / total);
    }
    for (const plot of plots) expect(statSync(plot).size, plot).toBeGreaterThan(500);
    const names = plots.map((plot) => plot.slice(join(OUT, "plots/").length));
    for (const name of [
      "curves",
      "base-accuracy",
      "base-loss",
      "enhanced-accuracy",
      "enhanced-loss",
      "base-confusion",
    ]) {
      expect(names).toContain(`${name}.svg`);
      expect(names).toContain(`${name}.png`);
    }
    for (const name of ["accuracy-parameters", "accuracy-multiply-adds"]) expect(names).toContain(`${name}.png`);
  });

  test("saves the same in study.json, and nothing outside of its folder", () => {
    expect(JSON.parse(readFileSync(join(OUT, "study.json"), "utf8"))).toEqual({ status: "finished", ...printed() });
    expect(readdirSync(OUT).sort()).toEqual(["plots", "report.html", "runs", "study.json"]);
  });

  test("prints a time estimate before training, and the result of each run", () => {
    expect(made.stderr).toMatch(/to train: base \(seed 1\), enhanced \(seed 1\); about \d+ (s|min)/);
    expect(made.stderr.indexOf("to train:")).toBeLessThan(made.stderr.indexOf("epoch 1/4"));
    expect(made.stderr).toMatch(/enhanced, seed 1: test accuracy \d+\.\d+ % \(\d+ of 130/);
  });

  test("trains complete ordinary runs, tested without and with averaging", () => {
    for (const { run, accuracy } of printed().runs) {
      const record = readRunRecord(run);
      expect(record).toMatchObject({ status: "finished", epochs: 4, trainOn: "split" });
      expect(record.evaluations?.test?.accuracy).toBe(accuracy);
      expect(record.evaluations).toHaveProperty("test-tta");
      expect(readMetrics(run)).toHaveLength(4);
    }
  });

  test("compares the two on the same images", () => {
    const { gains, runs } = printed();
    const ours = gains.find(({ base }) => base === "base")!;
    expect(ours.difference).toBeCloseTo(runs[1]!.accuracy - runs[0]!.accuracy, 12);
    expect(ours.paired?.p).toBeGreaterThan(0);
    // On other data than Fashion-MNIST there are no published results.
    expect(gains.map(({ base }) => base)).toEqual(["base"]);
  });

  test("states in terminal and page that its figures are not meaningful", () => {
    const page = readFileSync(join(OUT, "report.html"), "utf8");
    expect(page).toContain("quick study");
    expect(made.stderr).toContain("quick study");
    expect(page).not.toMatch(/docs\/results\/|ResNet18|91\.65/);
  });
});

describe("a study that is rerun", () => {
  test("trains nothing and gives the same figures", async () => {
    const weights = statSync(join(OUT, "runs/base-s1/model.onnx")).mtimeMs;
    const again = await tailor([...QUICK, "--out", OUT, "--json"]);
    expect(again.stderr).toContain("all 2 runs are trained already");
    const { runs, gains, report } = jsonOf<StudyJson>({ ...again, stderr: "" });
    expect({ runs, gains, report }).toEqual({ runs: printed().runs, gains: printed().gains, report: printed().report });
    expect(statSync(join(OUT, "runs/base-s1/model.onnx")).mtimeMs).toBe(weights);
  });

  test("is resumed after an interrupt, to the same weights", THOROUGH, async () => {
    const out = join(FOLDER, "interrupted");
    const { child, ended, hasSaid } = startTailor([...QUICK, "--out", out, "--json"]);
    await hasSaid(/enhanced: [\d,]+ parameters[\s\S]*epoch 1\/4 \|/);
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    expect({ code, stdout }).toEqual({ code: INTERRUPTED, stdout: "" });
    expect(stderr).toContain("stopped; run the same command again to resume");
    expect(existsSync(join(out, "report.html"))).toBe(false);
    expect(readRunRecord(join(out, "runs/base-s1")).status).toBe("finished");
    expect(readRunRecord(join(out, "runs/enhanced-s1")).status).toBe("running");

    const { code: last, stderr: words } = await tailor([...QUICK, "--out", out]);
    expect(last, words).toBe(0);
    expect(words).toMatch(/to train: enhanced \(seed 1\); at most .*; 1 of 2 are trained already/);
    expect(words).toMatch(/enhanced: [\d,]+ parameters.*from step \d+/);
    expectSameRun(join(out, "runs/enhanced-s1"), join(OUT, "runs/enhanced-s1"));
  });

  test("with other settings in the same folder is refused before anything is trained", async () => {
    const refused = await tailor(["study", "--data", DATA, "--out", OUT, "--threads", "1"]);
    expect(refusalOf(refused, 2)).toMatch(
      /runs\/base-s1 holds another run than the one asked for: its recipe's epochs is 4, not 12; choose another folder with --out, or remove that run/,
    );
  });
});

test("a folder with other contents is refused", async () => {
  expect(refusalOf(await tailor([...QUICK, "--out", DATA]), 2)).toMatch(/is not empty and has no study\.json/);
});

describe("compare --json", () => {
  interface CompareJson {
    readonly runs: readonly { run: string; recipe: string; accuracy: number; multiplyAdds: number; seconds: number }[];
    readonly pairs: readonly { a: string; b: string; difference: number; interval: [number, number]; p: number }[];
    readonly ladder: readonly { name: string; claimed: number | null; source: string }[];
  }
  const runs = [join(OUT, "runs/base-s1"), join(OUT, "runs/enhanced-s1")];

  test("prints runs, pairs and the ladder", async () => {
    const compared = await tailorJson<CompareJson>(["compare", ...runs, "--data", DATA, "--threads", "1"]);
    expect(compared.runs.map(({ run }) => run)).toEqual(runs);
    expect(compared.runs.map(({ accuracy }) => accuracy)).toEqual(printed().runs.map(({ accuracy }) => accuracy));
    expect(compared.runs[0]).toMatchObject({ recipe: "base", parameters: 421_642, multiplyAdds: 4_241_152 });
    const [pair] = compared.pairs;
    expect(pair).toMatchObject({ a: runs[0], b: runs[1] });
    expect(pair!.difference).toBeCloseTo(compared.runs[1]!.accuracy - compared.runs[0]!.accuracy, 12);
    expect(pair!.interval[0]).toBeLessThan(pair!.difference);
    expect(pair!.interval[1]).toBeGreaterThan(pair!.difference);
    expect(compared.ladder.find(({ name }) => name === "ResNet18 (kefth)")).toMatchObject({ claimed: 0.949 });
  });

  test("prints a line for each run and each pair, and no ladder for other data", async () => {
    const { stdout } = await tailor(["compare", ...runs, "--data", DATA, "--threads", "1", "--split", "validation"]);
    expect(stdout).toMatch(/Accuracy on the validation images/);
    expect(stdout).toMatch(/^runs in .*\/runs$/m);
    expect(stdout).toMatch(/^base-s1 +base +1 +\d+\.\d\d %/m);
    expect(stdout).toMatch(/^enhanced-s1 +base-s1 +[+−]/m);
    expect(stdout).toMatch(/only a right/);
    expect((await tailor(["compare", runs[0]!, "--data", DATA, "--threads", "1"])).stdout).not.toContain("ResNet18");
  });

  test("refuses no runs, duplicates, and paths that are not runs", async () => {
    expect(refusalOf(await tailor(["compare"]), 2)).toMatch(/missing required argument 'run'/);
    const twice = await tailor(["compare", runs[0]!, `${runs[0]!}/`, "--data", DATA]);
    expect(refusalOf(twice, 2)).toMatch(/is named twice; name each run once/);
    expect(refusalOf(await tailor(["compare", runs[0]!, DATA, "--data", DATA]), 2)).toMatch(/is not a run folder/);
  });
});
