/** `ablate`: trains every row, compares it with its reference, draws and prints the results. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadFashionMnist } from "../../src/data/node/fashion-mnist.ts";
import { planAblation, runAblation } from "../../src/experiments/ablation.ts";
import { ablationConclusion } from "../../src/experiments/ablation-result.ts";
import { baseStudy } from "../../src/recipes/index.ts";
import type { Recipe } from "../../src/recipes/recipe.ts";
import {
  type AblationRow,
  ablationFigures,
  ablationPage,
  ablationTables,
} from "../../src/report/node/ablation-report.ts";
import { tableLines } from "../../src/report/tables.ts";
import { openOutputFolder } from "../../src/runs/node/output-folder.ts";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { THOROUGH } from "../support/thorough.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 144, test: 60 });
const OUT = join(sharedFolder(), "ablation");
const SMALL = ["ablate", "--from", "base-study", "--epochs", "1", "--seeds", "2", "--data", DATA, "--threads", "1"];

interface AblationJson {
  readonly report: string;
  readonly plots: readonly string[];
  readonly rows: readonly {
    reference: string;
    change: string | null;
    accuracy: { mean: number; n: number };
    difference: number | null;
    interval: [number, number] | null;
    seconds: number;
    runs: readonly { seed: number; accuracy: number; weightsSha256: string }[];
  }[];
  readonly conclusion: readonly string[];
}

test("ablate --json trains the rows and compares them with their reference", async () => {
  const made = await tailorJson<AblationJson>([...SMALL, "--out", OUT]);
  expect(made.rows.map(({ change }) => change)).toEqual([
    null,
    "vertical-flips",
    "batch-norm",
    "dropout",
    "depth-width",
    "all-four",
  ]);
  const accuracyOf = (name: string, seed: number) =>
    readRunRecord(join(OUT, "runs", `${name}-s${seed}`)).evaluations!.validation!.accuracy;
  const [reference, flips] = made.rows as [AblationJson["rows"][number], AblationJson["rows"][number]];
  expect(reference).toMatchObject({ difference: null, interval: null, accuracy: { n: 2 } });
  const differences = [1, 2].map((s) => accuracyOf("base-study+vertical-flips", s) - accuracyOf("base-study", s));
  expect(flips.difference).toBeCloseTo((differences[0]! + differences[1]!) / 2, 12);
  expect(flips.runs.map(({ seed, accuracy, weightsSha256 }) => [seed, accuracy, weightsSha256])).toEqual(
    [1, 2].map((seed) => {
      const { evaluations, result } = readRunRecord(join(OUT, "runs", `base-study+vertical-flips-s${seed}`));
      return [seed, evaluations!.validation!.accuracy, result!.weightsSha256];
    }),
  );
  expect(flips.interval![0]).toBeLessThanOrEqual(flips.difference!);
  expect(flips.seconds).toBeGreaterThan(0);
  expect(readRunRecord(join(OUT, "runs/base-study+batch-norm-s2"))).toMatchObject({ model: "base-batchnorm", seed: 2 });

  const page = readFileSync(made.report, "utf8");
  expect(page).toContain("Effect of each technique");
  for (const { change } of made.rows) expect(page).toContain(change ?? "(reference)");
  expect(page).toContain(made.conclusion[0]!.match(/each added to base-study\. [\w ]+/)![0]);
  expect(made.plots.map((plot) => plot.slice(OUT.length + 1))).toEqual([
    "plots/ablation-base-study.svg",
    "plots/ablation-base-study.png",
  ]);
  for (const plot of made.plots) expect(statSync(plot).size).toBeGreaterThan(500);
  expect(JSON.parse(readFileSync(join(OUT, "ablation.json"), "utf8"))).toEqual({ status: "finished", ...made });

  const again = await tailor([...SMALL, "--out", OUT, "--json"]);
  expect(again.stderr).toContain("all 12 runs are trained already");
  expect((JSON.parse(again.stdout) as AblationJson).rows).toEqual(made.rows);
});

test("rerun without --split, it goes on with the images that it was evaluated on", THOROUGH, async () => {
  // The runs of the test above, which are trained already.
  const first = JSON.parse(
    (await tailor([...SMALL, "--out", OUT, "--split", "test", "--json"])).stdout,
  ) as AblationJson;
  const again = await tailor([...SMALL, "--out", OUT, "--json"]);
  expect(again.stderr).toContain("evaluated on the test images, as before");
  expect(JSON.parse(again.stdout)).toMatchObject({ split: "test", rows: first.rows });
});

describe("rows that diverge", () => {
  const plan = (names: readonly string[], reference: Recipe) => {
    const changes = names.map((name) => ({
      name,
      what: `what ${name} is`,
      recipe: { ...baseStudy, learningRate: name.startsWith("high") ? 1e38 : 2e-3 },
    }));
    const out = join(temporaryFolder(), "ablation");
    const part = { title: "A part", reference, changes };
    return { out, rows: planAblation([part], { out, epochs: 1, seeds: 2, limit: null }) };
  };
  const ablated = async ({ out, rows }: ReturnType<typeof plan>) => {
    const started: string[] = [];
    const report = await runAblation(rows, {
      data: await loadFashionMnist({ folder: DATA }),
      threads: 1,
      runtime: nodeRuntime,
      split: "validation",
      folder: openOutputFolder(out, "ablation.json"),
      onEvent: (event) => event.kind === "started" && started.push(event.run.path.slice(out.length + 1)),
    });
    return { report: report!, started };
  };

  test("have no accuracy, and the others are trained and compared; rerun, they are not trained again", async () => {
    const planned = plan(["high", "lower"], baseStudy);
    const { report, started } = await ablated(planned);
    // Its second seed would tell nothing.
    expect(started).toEqual(
      ["base-study-s1", "base-study+high-s1", "base-study+lower-s1", "base-study-s2", "base-study+lower-s2"].map(
        (name) => `runs/${name}`,
      ),
    );
    const [reference, high, lower] = report.parts[0]!.rows as [AblationRow, AblationRow, AblationRow];
    expect(high).toMatchObject({ accuracy: null, difference: null, seconds: null, runs: [], recalls: [] });
    expect(reference.accuracy!.n).toBe(2);
    expect(lower.difference!.mean).toBeCloseTo(lower.accuracy!.mean - reference.accuracy!.mean, 12);
    expect(tableLines(ablationTables(report)[0]!).join("\n")).toMatch(/high\s+diverged/);
    const conclusion = ablationConclusion(report);
    expect(conclusion[0]).toContain("Diverged, so it has no accuracy: high.");
    expect(conclusion[0]).toContain("lower (");
    const figures = ablationFigures(report);
    expect(figures.map(({ svg }) => svg.includes("lower") && !svg.includes("high"))).toEqual([true]);
    const page = ablationPage(report, figures, { conclusion, command: "c", version: "1" });
    expect(page).toContain("diverged");

    const again = await ablated(planned);
    expect(again).toEqual({ report, started: [] });
  });

  test("a reference that diverges leaves nothing to compare with, which is said", THOROUGH, async () => {
    const { report } = await ablated(plan(["lower"], { ...baseStudy, learningRate: 1e38 }));
    expect(report.parts[0]!.rows.map(({ accuracy, difference }) => [accuracy?.n, difference])).toEqual([
      [undefined, null],
      [2, null],
    ]);
    const conclusion = ablationConclusion(report);
    expect(conclusion).toEqual(["A part. The reference diverged, so there is nothing to compare with."]);
    const figures = ablationFigures(report);
    expect(figures).toEqual([]);
    expect(ablationPage(report, figures, { conclusion, command: "c", version: "1" })).toContain("lower");
  });

  test("if all diverge, there is no result", async () => {
    const planned = plan(["high"], { ...baseStudy, learningRate: 1e38 });
    await expect(ablated(planned)).rejects.toThrow(/all 2 rows diverged; try lower learning rates/);
  });
});

test("a recipe's name of an earlier version is taken", async () => {
  const { stderr } = await tailor([
    ...SMALL.map((word) => (word === "base-study" ? "base-seed" : word)),
    "--seeds",
    "0",
  ]);
  expect(stderr).toContain("--seeds must be a whole number");
});

test.each([
  [["--from", "base"], /must be one of base-study, enhanced|'base' is invalid/],
  [["--seeds", "0"], /--seeds must be a whole number from 1 to 1000/],
  [["--split", "train"], /'train' is invalid|must be one of/],
])("%j is refused", async (options, message) => {
  expect(refusalOf(await tailor([...SMALL, ...options]), 2)).toMatch(message);
});
