/** `ablate`: trains every row, compares it with its reference, draws and prints the results. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 156, test: 130 });
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
