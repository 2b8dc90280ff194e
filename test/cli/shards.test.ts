/** `--shard i/n` and `merge`: an experiment on several machines without a server gives the results of one. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 240, test: 60, isHalved: true });
const FOLDER = sharedFolder();
const at = (name: string) => join(FOLDER, name);

const SEEDS = ["train", "base", "--seeds", "3", "--epochs", "1", "--data", DATA, "--threads", "1", "--skip-report"];
const SWEEP = ["sweep", "base", "--over", "learningRate=1e-3,2e-3,3e-3", "--epochs", "1", "--data", DATA];

interface Shard {
  readonly shard: string;
  readonly runs: readonly string[];
  readonly missing: readonly string[];
}
interface Seeds {
  readonly runs: readonly { readonly run: string; readonly weightsSha256: string }[];
  readonly accuracy: { readonly mean: number };
}

const shards: Shard[] = [];
beforeAll(async () => {
  for (const number of [1, 2]) {
    shards.push(await shardJson([...SEEDS, "--shard", `${number}/2`, "--out", at(`part${number}`)]));
  }
});

/** A command that says on standard error what it trains. */
async function shardJson(args: readonly string[]): Promise<Shard> {
  const { code, stdout, stderr } = await tailor([...args, "--json"]);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/shard \d of \d is trained/);
  return JSON.parse(stdout) as Shard;
}

describe("train --seeds 3 --shard i/2", () => {
  test("each shard trains every second run, and says which ones are missing", () => {
    expect(shards).toEqual([
      { shard: "1/2", runs: [at("part1/s1"), at("part1/s3")], missing: [at("part1/s2")] },
      { shard: "2/2", runs: [at("part2/s2")], missing: [at("part2/s1"), at("part2/s3")] },
    ]);
    expect(readdirSync(at("part1")).sort()).toEqual(["s1", "s3", "seeds.json"]);
  });

  test("merged, the same command without --shard trains nothing and gives the result of one machine", async () => {
    const merged = await tailorJson(["merge", at("part1"), at("part2"), "--out", at("all")]);
    expect(merged).toEqual({
      folder: at("all"),
      runs: [at("all/s1"), at("all/s2"), at("all/s3")],
      copied: 3,
      unfinished: [],
    });
    const { code, stdout, stderr } = await tailor([...SEEDS, "--out", at("all"), "--json"]);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("all 3 runs are trained already");
    const here = await tailor([...SEEDS, "--out", at("one"), "--json"]);
    const [result, expected] = [stdout, here.stdout].map((text) => JSON.parse(text) as Seeds);
    expect(result!.accuracy).toEqual(expected!.accuracy);
    expect(result!.runs.map(({ weightsSha256 }) => weightsSha256)).toEqual(
      expected!.runs.map(({ weightsSha256 }) => weightsSha256),
    );
  });

  test("merging once more copies nothing, and a shard that is added later is copied", async () => {
    const again = await tailorJson(["merge", at("part1"), at("part2"), "--out", at("all")]);
    expect(again).toMatchObject({ copied: 0 });
    const first = await tailorJson(["merge", at("part1"), "--out", at("grown")]);
    expect(first).toMatchObject({ copied: 2 });
    expect(await tailorJson(["merge", at("part2"), "--out", at("grown")])).toMatchObject({ copied: 1 });
  });

  test("a shard without runs leaves a folder that can be merged", async () => {
    const empty = await shardJson([...SEEDS, "--shard", "4/4", "--out", at("part4")]);
    expect(empty.runs).toEqual([]);
    expect(empty.missing).toHaveLength(3);
    const merged = await tailorJson(["merge", at("part4"), at("part1"), "--out", at("with-empty")]);
    expect(merged).toMatchObject({ copied: 2 });
  });

  test("a shard on a folder where all other runs are goes on to the result", async () => {
    const { code, stdout, stderr } = await tailor([...SEEDS, "--shard", "1/2", "--out", at("all"), "--json"]);
    expect(code, stderr).toBe(0);
    expect((JSON.parse(stdout) as Seeds).runs).toHaveLength(3);
  });
});

test("a sweep's shards are merged with their folder of runs, and ranked", async () => {
  for (const number of [1, 2]) {
    await shardJson([...SWEEP, "--threads", "1", "--shard", `${number}/2`, "--out", at(`sweep${number}`)]);
  }
  await tailorJson(["merge", at("sweep1"), at("sweep2"), "--out", at("sweep")]);
  const { code, stdout, stderr } = await tailor([...SWEEP, "--threads", "1", "--out", at("sweep"), "--json"]);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain("all 3 runs are trained already");
  expect(JSON.parse(stdout).candidates).toHaveLength(3);
});

describe("merge refuses", () => {
  const merge = (...folders: string[]) => tailor(["merge", ...folders, "--out", at("refused")]);

  test("two different results for one run, and leaves nothing behind", async () => {
    const other = at("other-result");
    await tailor([...SEEDS, "--lr", "1e-3", "--out", other]);
    for (const run of ["s2", "s3"]) rmSync(join(other, run), { recursive: true });
    const message = refusalOf(await merge(at("part1"), other), 1);
    expect(message).toContain(`${at("part1/s1")} and ${other}/s1 are two different results for one run`);
    expect(existsSync(at("refused"))).toBe(false);
  });

  test("a run with a damaged file", async () => {
    const damaged = at("damaged");
    cpSync(at("part2"), damaged, { recursive: true });
    const file = join(damaged, "s2/weights.safetensors");
    const bytes = readFileSync(file);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(file, bytes);
    expect(refusalOf(await merge(at("part1"), damaged), 1)).toContain(`${file} is damaged`);
  });

  test("a run that lacks a file", async () => {
    const lacking = at("lacking");
    cpSync(at("part2"), lacking, { recursive: true });
    rmSync(join(lacking, "s2/metrics.jsonl"));
    expect(refusalOf(await merge(lacking), 1)).toContain(`${lacking}/s2 has no metrics.jsonl`);
  });

  test("folders of different experiments, of none, and a folder with something else in it", async () => {
    await tailor([...SWEEP, "--threads", "1", "--shard", "3/3", "--out", at("sweep3")]);
    expect(refusalOf(await merge(at("part1"), at("sweep3")), 2)).toContain("are of different experiments");
    expect(refusalOf(await merge(DATA), 2)).toContain("is not the folder of an experiment");
    expect(refusalOf(await merge(at("nowhere")), 2)).toContain("is not the folder of an experiment");
    expect(refusalOf(await tailor(["merge", at("part1"), "--out", DATA]), 2)).toContain("has no seeds.json");
    expect(refusalOf(await tailor(["merge", at("part1")]), 2)).toContain("--out");
  });

  test("shards that are evaluated on different images", async () => {
    const tested = at("tested");
    cpSync(at("part2"), tested, { recursive: true });
    writeFileSync(join(tested, "seeds.json"), JSON.stringify({ status: "running", split: "test" }));
    const validated = at("validated");
    cpSync(at("part1"), validated, { recursive: true });
    writeFileSync(join(validated, "seeds.json"), JSON.stringify({ status: "running", split: "validation" }));
    expect(refusalOf(await merge(tested, validated), 2)).toContain("run all shards with the same options");
    await tailorJson(["merge", tested, at("part1"), "--out", at("one-tested")]);
    expect(JSON.parse(readFileSync(at("one-tested/seeds.json"), "utf8"))).toEqual({ status: "running", split: "test" });
  });
});

test("an unfinished run is left out and named; what other shards noted of diverged runs is kept", async () => {
  const half = at("half");
  cpSync(at("part1"), half, { recursive: true });
  const { files: _, ...record } = readRunRecord(join(half, "s3"));
  writeFileSync(join(half, "s3/run.json"), JSON.stringify({ ...record, status: "running", result: null }));
  const diverged = { s9: { message: "diverged", recipe: {}, limit: null, files: [] } };
  writeFileSync(join(half, "diverged.json"), JSON.stringify(diverged));
  const { code, stderr } = await tailor(["merge", half, at("part2"), "--out", at("half-merged")]);
  expect(code, stderr).toBe(0);
  expect(stderr).toContain(`${half}/s3 is not finished, and left out`);
  expect(readdirSync(at("half-merged")).sort()).toEqual(["diverged.json", "s1", "s2", "seeds.json"]);
  expect(JSON.parse(readFileSync(at("half-merged/diverged.json"), "utf8"))).toEqual(diverged);
});

test.each(["0/2", "3/2", "2", "a/b", "1/20000", "-1/2"])(
  "--shard %s is refused before the data is read",
  async (word) => {
    const args = ["sweep", "base", "--over", "batchSize=20,40", "--data", at("nowhere"), `--shard=${word}`];
    expect(refusalOf(await tailor(args), 2)).toMatch(/^--shard must be the number of this shard/);
  },
);

test("--shard goes with several runs, and with a folder of its own", async () => {
  expect(refusalOf(await tailor(["train", "base", "--shard", "1/2"]), 2)).toContain("--seeds or --folds");
  expect(refusalOf(await tailor(["train", "base", "--seeds", "2", "--shard", "1/2"]), 2)).toContain("--out");
  expect(refusalOf(await tailor(["race", "--shard", "1/2"]), 2)).toContain("a race to a target");
});
