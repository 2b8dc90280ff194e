/**
 * `sweep`: trains candidates, ranks them by validation accuracy, draws and prints the results; never uses test images.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { base } from "../../src/recipes/index.ts";
import { recipeFromJson } from "../../src/recipes/recipe-json.ts";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 400, test: 130, isHalved: true });
const SMALL = ["sweep", "base", "--data", DATA, "--threads", "1"];

interface SweepJson {
  readonly split: string;
  readonly fields: readonly string[];
  readonly candidates: readonly {
    changes: Record<string, number>;
    epochs: number;
    accuracy: { mean: number; n: number } | null;
    loss: number | null;
    runs: readonly string[];
  }[];
  readonly best: { changes: Record<string, number>; runs: readonly string[]; recipe: string };
  readonly plots: readonly string[];
}

test("a grid is trained run by run, ranked by validation accuracy, and can be resumed", async () => {
  const out = join(sharedFolder(), "grid");
  const command = [
    ...SMALL,
    "--epochs",
    "1",
    "--over",
    "learningRate=1e-5,3e-3",
    "--over",
    "batchSize=40,80",
    "--out",
    out,
  ];
  const made = await tailorJson<SweepJson>(command);
  expect(made).toMatchObject({ split: "validation", fields: ["learningRate", "batchSize"] });
  expect(made.candidates).toHaveLength(4);
  const accuracies = made.candidates.map(({ accuracy }) => accuracy!.mean);
  expect(accuracies).toEqual(accuracies.toSorted((a, b) => b - a));
  for (const { changes, accuracy, runs } of made.candidates) {
    const { result, learningRate, batchSize, evaluations } = readRunRecord(runs[0]!);
    expect({ learningRate, batchSize }).toEqual(changes);
    expect(accuracy).toEqual({ mean: result!.validationAccuracy, standardDeviation: null, n: 1 });
    expect(evaluations).toBeUndefined();
  }
  expect(made.best.changes).toEqual(made.candidates[0]!.changes);
  expect(made.best.changes.learningRate).toBe(3e-3);
  const best = recipeFromJson(JSON.parse(readFileSync(made.best.recipe, "utf8")), "best.json");
  expect(best).toMatchObject({ ...made.best.changes, name: "base-best", epochs: 1, model: base.model });
  expect(made.best.runs).toEqual(made.candidates[0]!.runs);
  // The same recipe and seed: the same weights.
  const longer = join(sharedFolder(), "best");
  const trained = await tailorJson<{ weightsSha256: string }>([
    "train",
    made.best.recipe,
    "--data",
    DATA,
    "--threads",
    "1",
    "--out",
    longer,
  ]);
  expect(trained).toMatchObject({
    recipe: "base-best",
    weightsSha256: readRunRecord(made.best.runs[0]!).result!.weightsSha256,
  });
  expect(readRunRecord(longer).recipeFile).toBeUndefined();
  expect(made.plots).toEqual(["svg", "png"].map((kind) => join(out, `plots/sweep.${kind}`)));
  for (const plot of made.plots) expect(statSync(plot).size).toBeGreaterThan(500);
  expect(JSON.parse(readFileSync(join(out, "sweep.json"), "utf8"))).toEqual({ status: "finished", ...made });

  rmSync(made.candidates[2]!.runs[0]!, { recursive: true });
  const again = await tailor([...command, "--json"]);
  expect(again.stderr).toContain("3 of 4 are trained already");
  const [first, second] = [made, JSON.parse(again.stdout) as SweepJson].map(({ candidates }) =>
    candidates.map(({ changes, accuracy, loss }) => ({ changes, accuracy, loss })),
  );
  expect(second).toEqual(first);
});

test("halving trains all for few epochs and the best third for all; diverged ones are ranked last, and not trained again", async () => {
  const out = join(sharedFolder(), "halving");
  const rates = ["learningRate=3e-3,1e-6,1e30"];
  const command = [...SMALL, "--epochs", "3", "--halving", "--over", ...rates, "--out", out];
  const made = await tailor([...command, "--json"]);
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).toContain("rung 1 of 2: 3 candidates, 1 epoch");
  expect(made.stderr).toContain("rung 2 of 2: 1 candidate, 3 epochs");
  expect(made.stderr).toContain("training diverged");
  const { candidates } = JSON.parse(made.stdout) as SweepJson;
  const afterOne = [3e-3, 1e-6].map((rate) => {
    const { result } = readRunRecord(join(out, "runs", `learningRate=${rate}-e1-s1`));
    return { rate, accuracy: result!.validationAccuracy! };
  });
  const [kept, dropped] = afterOne.toSorted((a, b) => b.accuracy - a.accuracy).map(({ rate }) => rate);
  expect(candidates.map(({ changes, epochs }) => [changes.learningRate, epochs])).toEqual([
    [kept, 3],
    [dropped, 1],
    [1e30, 1],
  ]);
  expect(candidates[2]).toMatchObject({ accuracy: null, loss: null });
  expect(readdirSync(join(out, "runs")).filter((name) => name.includes("-e3-"))).toEqual([
    `learningRate=${kept}-e3-s1`,
  ]);

  const again = await tailor(command);
  expect(again.stderr).not.toContain("diverged");
  expect(again.stderr).not.toContain("run folder");
  expect(again.stdout).toMatch(/1e\+30\s+1\s+diverged/);
  expect(again.stdout).toContain("no test image was looked at");

  writeFileSync(join(out, "diverged.json"), "[]");
  expect(refusalOf(await tailor(command), 1)).toMatch(/diverged\.json: .*remove it, and those runs are trained again/);
});

test("a candidate that diverged with one seed is not trained with others; a different recipe is a different run", async () => {
  const out = join(sharedFolder(), "seeds");
  const options = ["--epochs", "1", "--seeds", "2", "--over", "learningRate=1e30,1e-3", "--out", out];
  const made = await tailor([...SMALL, ...options]);
  expect(made.code, made.stderr).toBe(0);
  expect(made.stdout).toContain("1 candidate diverged");
  expect(made.stdout).toMatch(/best: learningRate=0\.001, in .*runs\/learningRate=0\.001-e1-s1 and .*-s2/);
  expect(made.stdout).toMatch(
    /its recipe: .*best\.json, to be trained by: node bin\/tailor\.js train .*best\.json --data /,
  );
  const diverged = () => JSON.parse(readFileSync(join(out, "diverged.json"), "utf8"));
  expect(Object.keys(diverged())).toEqual(["runs/learningRate=1e+30-e1-s1"]);

  rmSync(join(out, "runs"), { recursive: true });
  const other = await tailor([...SMALL.with(1, "base-study"), ...options]);
  expect(other.stderr.match(/training diverged/g)).toHaveLength(1);
  expect(other.stdout).toContain(`to be trained by: node bin/tailor.js train ${out}/best.json --data ${DATA}`);
  expect(diverged()).toMatchObject({
    "runs/learningRate=1e+30-e1-s1": { recipe: { name: expect.stringMatching(/^base-study/) } },
  });
});

test("a custom recipe with a custom model can be swept", async () => {
  const file = join(sharedFolder(), "mine.mjs");
  writeFileSync(
    file,
    `import { findRecipe, flatten, linear } from "@tailor-ml/tailor";
     const model = { name: "flat", layers: ({ classes }) => [flatten(), linear(classes)] };
     export default { ...findRecipe("base"), name: "mine", epochs: 1, batchSize: 50, model };`,
  );
  const command = ["sweep", file, "--data", DATA, "--threads", "1", "--out", join(sharedFolder(), "own")];
  const { stdout, stderr } = await tailor([...command, "--over", "labelSmoothing=0,0.1", "--json"]);
  const { candidates }: SweepJson = JSON.parse(stdout);
  expect(candidates).toHaveLength(2);
  expect(stderr).toContain(`put these values into ${file}; `);
  for (const { runs } of candidates) expect(readRunRecord(runs[0]!)).toMatchObject({ model: "flat", recipeFile: file });
});

test.each([
  [[], /say what to vary: --over learningRate=0\.002,0\.004/],
  [
    ["--over", "optimizer.learningRate=1,2"],
    /there is no field "optimizer\.learningRate" .* there are: epochs, .*model/,
  ],
  [["--over", "learningRate=0.001"], /needs at least two candidates/],
  [["--over", "learningRate=1e-4..1e-2"], /learningRate has a range.*--random N/],
  [["--over", "batchSize=32,64", "--over", "batchSize=128,256"], /--over batchSize=\.\.\. was given twice/],
  [["--over", "epochs=1,2", "--epochs", "3"], /--epochs and --over epochs=\.\.\. both say the epochs; leave out one/],
  [
    ["--over", "averaging=none,exponential"],
    /"averaging" takes none only; its fields are averaging\.kind, averaging\.decay/,
  ],
  [["--over", "epochs=1,2", "--halving"], /--halving decides the epochs itself/],
  [
    ["--over", "batchSize=32,64", "--halving"],
    /at least 3 candidates and 3 epochs; here are 2 candidates of \d+ epochs/,
  ],
  [["--over", "batchSize=32,64,128", "--halving", "--epochs", "2"], /here are 3 candidates of 2 epochs/],
  [["--over", "batchSize=32,64", "--random", "1"], /--random must be a whole number from 2 to 1000/],
])("%j is refused, and no folder created", async (options, message) => {
  const out = join(sharedFolder(), "never");
  expect(refusalOf(await tailor([...SMALL, ...options, "--out", out]), 2)).toMatch(message);
  expect(existsSync(out)).toBe(false);
});
