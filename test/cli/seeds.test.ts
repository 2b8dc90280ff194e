/** `train RECIPE --seeds N`: one folder, resumable, mean and spread. */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { type Result, refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 600, test: 130, isHalved: true });
const OUT = join(sharedFolder(), "base-studys");
const COMMAND = [
  "train",
  "base",
  "--epochs",
  "1",
  "--data",
  DATA,
  "--threads",
  "1",
  "--evaluate",
  "test",
  "--skip-report",
  "--out",
  OUT,
];

interface SeedsJson {
  readonly folder: string;
  readonly recipe: string;
  readonly split: string;
  readonly runs: readonly { run: string; seed: number; accuracy: number; seconds: number; weightsSha256: string }[];
  readonly accuracy: { mean: number; standardDeviation: number | null; n: number };
}

let made: Result;
let printed: SeedsJson;
beforeAll(async () => {
  made = await tailor([...COMMAND, "--seeds", "2", "--json"]);
  printed = JSON.parse(made.stdout) as SeedsJson;
});

describe("train --seeds 2 --evaluate test --json", () => {
  test("trains each seed into its own folder", () => {
    expect(made.code, made.stderr).toBe(0);
    expect(printed).toMatchObject({ folder: OUT, recipe: "base", split: "test" });
    expect(printed.runs.map(({ run, seed }) => [run, seed])).toEqual([
      [join(OUT, "s1"), 1],
      [join(OUT, "s2"), 2],
    ]);
    for (const { run, seed, weightsSha256 } of printed.runs) {
      expect(readRunRecord(run)).toMatchObject({ seed, status: "finished", result: { weightsSha256 } });
    }
    expect(printed.runs[0]!.weightsSha256).not.toBe(printed.runs[1]!.weightsSha256);
  });

  test("gives mean and standard deviation of the accuracies on the given split", () => {
    const [a, b] = printed.runs.map(({ run }) => readRunRecord(run).evaluations!.test!.accuracy) as [number, number];
    expect(printed.runs.map(({ accuracy }) => accuracy)).toEqual([a, b]);
    expect(printed.accuracy.n).toBe(2);
    expect(printed.accuracy.mean).toBeCloseTo((a + b) / 2, 12);
    expect(printed.accuracy.standardDeviation).toBeCloseTo(Math.abs(a - b) / Math.SQRT2, 12);
    expect(JSON.parse(readFileSync(join(OUT, "seeds.json"), "utf8"))).toEqual({ status: "finished", ...printed });
  });

  test("rerun with one more seed, it trains that one only", async () => {
    const again = await tailor([...COMMAND, "--seeds", "3", "--json"]);
    expect(again.stderr).toContain("2 of 3 are trained already");
    expect(again.stderr.match(/run folder:/g)).toHaveLength(1);
    const { runs, accuracy } = JSON.parse(again.stdout) as SeedsJson;
    expect(accuracy.n).toBe(3);
    expect(runs.slice(0, 2)).toEqual(printed.runs);
    expect(existsSync(join(OUT, "s3", "model.onnx"))).toBe(true);
  });

  test("rerun without --evaluate, it goes on with the images that it was evaluated on", async () => {
    const options = COMMAND.filter((word) => word !== "--evaluate" && word !== "test");
    const before = readFileSync(join(OUT, "seeds.json"), "utf8");
    const again = await tailor([...options, "--seeds", "3"]);
    expect(again.stderr).toContain("evaluated on the test images, as before");
    expect(readFileSync(join(OUT, "seeds.json"), "utf8")).toBe(before);
    // An interruption before the result is written leaves it known too.
    writeFileSync(join(OUT, "seeds.json"), JSON.stringify({ status: "running", split: "test" }));
    const resumed = await tailorJson<SeedsJson>([...options, "--seeds", "3"]);
    expect(resumed).toEqual((({ status: _, ...result }) => result)(JSON.parse(before)));
    const asked = await tailorJson<SeedsJson>([...options, "--seeds", "3", "--evaluate", "validation"]);
    expect(asked.split).toBe("validation");
    writeFileSync(join(OUT, "seeds.json"), "{");
    expect(refusalOf(await tailor([...options, "--seeds", "3"]), 1)).toMatch(/seeds\.json.*say which images/s);
    writeFileSync(join(OUT, "seeds.json"), before);
  });

  test("compare accepts the folder for its runs, and leaves out those that are not finished", async () => {
    const copies = join(sharedFolder(), "copies");
    cpSync(OUT, copies, { recursive: true });
    const record = JSON.parse(readFileSync(join(copies, "s2", "run.json"), "utf8"));
    const { files: _, ...unfinished } = record;
    writeFileSync(join(copies, "s2", "run.json"), JSON.stringify({ ...unfinished, status: "running", result: null }));
    writeFileSync(join(copies, "s3", "run.json"), "{");
    const result = await tailor(["compare", copies, "--data", DATA, "--json"]);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).toContain(`left out: ${join(copies, "s2")}, whose training was interrupted`);
    expect(result.stderr).toMatch(/left out: .*s3, which cannot be read: .*s3.run\.json/);
    expect(JSON.parse(result.stdout).runs).toMatchObject([{ run: join(copies, "s1") }]);
    for (const command of [["report"], ["data", "labels"]]) {
      const reported = await tailor([...command, copies, "--data", DATA, "--out", join(copies, "x.png")]);
      expect(reported.stderr).toContain(`left out: ${join(copies, "s2")}, `);
      expect(reported.code, reported.stderr).toBe(0);
      rmSync(join(copies, "x.png"), { force: true });
    }
    // A run that is named itself is refused as before, and a folder without a finished run.
    expect(refusalOf(await tailor(["compare", join(copies, "s2"), "--data", DATA]), 1)).toMatch(/s2 .*not finished/);
    rmSync(join(copies, "s1"), { recursive: true });
    expect((await tailor(["compare", copies, "--data", DATA])).stderr).toMatch(
      /error: .*copies holds no finished run; name a finished run/,
    );
  });

  test("compare accepts the folder for its runs", async () => {
    const compared = await tailorJson<{ runs: { run: string }[]; recipes: { accuracy: { n: number } }[] }>([
      "compare",
      OUT,
      "--data",
      DATA,
    ]);
    expect(compared.runs.map(({ run }) => run)).toEqual(["s1", "s2", "s3"].map((name) => join(OUT, name)));
    expect(compared.recipes).toMatchObject([{ accuracy: { n: 3 } }]);
  });
});

test("without --evaluate the accuracies are those on the validation images", async () => {
  const out = join(sharedFolder(), "validated");
  const options = COMMAND.slice(0, COMMAND.indexOf("--evaluate"));
  const result = await tailorJson<SeedsJson>([...options, "--out", out, "--seeds", "1"]);
  expect(result.split).toBe("validation");
  expect(result.runs[0]!.accuracy).toBe(readRunRecord(join(out, "s1")).result!.validationAccuracy);
  expect(result.accuracy).toEqual({ mean: result.runs[0]!.accuracy, standardDeviation: null, n: 1 });
});

describe("is refused", () => {
  test("if its runs have another lowering, or the network does not match; nothing is lost or left", async () => {
    const result = () => readFileSync(join(OUT, "seeds.json"), "utf8");
    const before = result();
    const { lowering } = readRunRecord(join(OUT, "s1"));
    const other = lowering === "blocked" ? "standard" : "blocked";
    const lowered = refusalOf(await tailor([...COMMAND, "--seeds", "2", "--lowering", other]), 2);
    expect(lowered).toMatch(
      `s1 holds another run than the one asked for: its operators were lowered to ${lowering}, not to ${other}`,
    );
    expect(result()).toBe(before);

    const file = join(sharedFolder(), "narrow.mjs");
    writeFileSync(
      file,
      `import { findRecipe, flatten, linear, maxPool2d } from "tailor";
       const model = { name: "narrow", layers: () => [maxPool2d(40), flatten(), linear(10)] };
       export default { ...findRecipe("base"), name: "narrow", epochs: 1, model };`,
    );
    const never = join(sharedFolder(), "never");
    const unfit = await tailor(["train", file, "--data", DATA, "--seeds", "2", "--out", never]);
    expect(unfit.stderr).toMatch(/maxPool2d|max-pool/i);
    expect(unfit.code).not.toBe(0);
    expect(existsSync(never)).toBe(false);
  });

  test.each([
    [["--seeds", "2", "--seed", "3"], /--seeds trains seeds 1 to n; leave out --seed/],
    [["--seeds", "2", "--profile"], /--profile goes with a single run; leave out --seeds/],
    [["--seeds", "0"], /--seeds must be a whole number from 1 to 1000, got "0"/],
    [["--seeds", "2", "--epochs", "2"], /s1 holds another run than the one asked for: its recipe's epochs is 1, not 2/],
  ])("%j", async (options, message) => {
    expect(refusalOf(await tailor([...COMMAND, ...options]), 2)).toMatch(message);
  });
});
