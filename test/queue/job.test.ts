/** What goes through a queue is checked where it arrives: jobs, archives, packages that are missing. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "tar";
import { describe, expect, test } from "vitest";
import { loadData } from "../../src/data/node/custom-data.ts";
import { UserError } from "../../src/errors.ts";
import type { PlannedRun } from "../../src/experiments/planned-run.ts";
import { loadOptional } from "../../src/optional-package.ts";
import { dataFacts, type Job, jobId, jobOf, parseJob, planJob } from "../../src/queue/job.ts";
import { packRun, takeFile, unpackRun } from "../../src/queue/run-package.ts";
import { openConnected, openParts } from "../../src/queue/store.ts";
import { base, enhanced } from "../../src/recipes/index.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";

const data = await loadData({ folder: await smallDataFolder({ train: 60, test: 20, isHalved: true }) });
const other = await loadData({ folder: await smallDataFolder({ train: 48, test: 20, isHalved: true }) });
const FOLDER = sharedFolder();

const RUN: PlannedRun = { recipe: base, seed: 1, path: "s1", trainOn: "split", limit: null };
const machine = { data, runtime: nodeRuntime };
const made = jobOf(RUN, machine);
/** Of a package, without a commit: it is for workers of any checkout. */
const job = { ...made, versions: { ...made.versions, commit: null } };
const worker = {
  data,
  facts: dataFacts(data),
  versions: { ...job.versions, commit: "def" },
  models: [],
  files: new Map<string, string>(),
};
/** As it arrives. */
const sent = (value: unknown) => JSON.parse(JSON.stringify(value));

const WEIGHTS = { file: "/producer/weights.safetensors", sha256: "a".repeat(64) };
/** A job that starts from a file, as it is sent. */
const sentFrom = (field: "backbone" | "pretrained"): Job => {
  const { file: _, ...rest } = WEIGHTS;
  return { ...job, recipe: { ...job.recipe, [field]: rest } };
};

describe("a job", () => {
  test("that starts from a file has its SHA-256, no path, and is trained with the worker's own file", () => {
    const pretrained = jobOf({ ...RUN, recipe: { ...base, pretrained: WEIGHTS } }, machine);
    expect(JSON.stringify(pretrained)).not.toContain("producer");
    expect(jobId(pretrained)).toBe(
      jobId(jobOf({ ...RUN, recipe: { ...base, pretrained: { ...WEIGHTS, file: "/other" } } }, machine)),
    );
    const files = new Map([[WEIGHTS.sha256, "/worker/same.safetensors"]]);
    const planned = planJob({ ...pretrained, versions: job.versions }, "run", { ...worker, files });
    expect(planned).toMatchObject({ recipe: { pretrained: { ...WEIGHTS, file: "/worker/same.safetensors" } } });
  });

  test("arrives as the planned run that was sent, into the worker's folder", () => {
    const planned = planJob(parseJob(sent(job), jobId(job)), "elsewhere", worker);
    expect(planned).toMatchObject({ recipe: base, seed: 1, trainOn: "split", limit: null, path: "elsewhere" });
  });

  test("has the same name for the same run, wherever its folder is, and another for any other run", () => {
    expect(jobId(jobOf({ ...RUN, path: "other" }, machine))).toBe(jobId(made));
    const others: Job[] = [
      jobOf({ ...RUN, seed: 2 }, machine),
      jobOf({ ...RUN, recipe: enhanced }, machine),
      jobOf({ ...RUN, recipe: { ...base, epochs: 3 } }, machine),
      jobOf({ ...RUN, limit: 30 }, machine),
      jobOf({ ...RUN, trainOn: "all" }, machine),
      jobOf({ ...RUN, fold: { number: 1, of: 2 } }, machine),
      jobOf(RUN, { ...machine, data: other }),
      jobOf(RUN, { ...machine, lowering: "standard" }),
      { ...job, versions: { ...job.versions, tailor: "9.9.9" } },
    ];
    expect(new Set([made, ...others].map(jobId)).size).toBe(others.length + 1);
  });

  test.each([
    ["another field", { ...job, code: "process.exit()" }, /is damaged: .*code/],
    ["a missing field", { ...job, seed: undefined }, /is damaged: .*seed/],
    ["another value", { ...job, seed: 7 }, /was changed after it was put into the queue/],
    ["another format", { ...job, format: 2 }, /format 2, expected 1: it is of another version/],
    ["no object", "job", /is damaged/],
  ])("with %s is refused", (_, value, message) => {
    expect(() => parseJob(sent(value), jobId(job))).toThrow(message);
    expect(() => parseJob(sent(value), jobId(job))).toThrow(UserError);
  });

  test.each([
    ["tailor's version", { ...job, versions: { ...job.versions, tailor: "9.9.9" } }, /it is for tailor 9.9.9, this is/],
    ["its commit", { ...job, versions: { ...job.versions, commit: "abc" } }, /it is for tailor at commit abc, this is/],
    [
      "ONNX Runtime's",
      { ...job, versions: { ...job.versions, onnxruntime: "9" } },
      /it is for ONNX Runtime 9, this is/,
    ],
    ["the data", { ...job, data: dataFacts(other) }, /its data are not here: train-images-idx3-ubyte of/],
    [
      "their form",
      { ...job, data: { ...job.data, image: { channels: 3, height: 14, width: 14 } } },
      /read in another way/,
    ],
    ["the network", { ...job, networkSha256: "0".repeat(64) }, /its network "base".* is not here/],
    ["a network of one's own", { ...job, recipe: { ...job.recipe, model: "mine" } }, /its network "mine" is not here/],
    ["a backbone", sentFrom("backbone"), /starts from a file that is not here \(SHA-256 a{64}\); .* same backbone$/],
    ["pretrained weights", sentFrom("pretrained"), /not here \(SHA-256 a{64}\); give the worker the same weights$/],
  ])("with other facts about %s is left to other workers", (_, value, why) => {
    expect(planJob(value, "run", worker)).toMatch(why);
  });

  test("for a GPU is refused where it is made", () => {
    const gpu = { ...nodeRuntime, gpu: { name: "GPU", backend: "Vulkan" } };
    expect(() => jobOf(RUN, { data, runtime: gpu })).toThrow(/workers train on their processor/);
  });
});

describe("a run's archive", () => {
  const folderOf = (name: string, files: Record<string, string>) => {
    const folder = join(FOLDER, name);
    mkdirSync(folder);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
    return folder;
  };

  test("has the files of the run and no others", async () => {
    const folder = folderOf("run", {
      "run.json": "{}",
      "metrics.jsonl": "1",
      "report.html": "page",
      lock: "1",
      "x.sh": "",
    });
    await packRun(folder, join(FOLDER, "run.tar"));
    await unpackRun(takeFile(join(FOLDER, "run.tar")), join(FOLDER, "unpacked"));
    expect(existsSync(join(FOLDER, "run.tar"))).toBe(false);
    expect(readdirSync(join(FOLDER, "unpacked")).sort()).toEqual(["metrics.jsonl", "run.json"]);
    expect(readFileSync(join(FOLDER, "unpacked/metrics.jsonl"), "utf8")).toBe("1");
  });

  test("is refused with other files, links or paths, and writes nothing outside its folder", async () => {
    const folder = folderOf("foreign", { "run.json": "{}", "evil.js": "x" });
    symlinkSync("/etc/passwd", join(folder, "weights.safetensors"));
    const outside = folderOf("outside", { "run.json": "outside" });
    for (const files of [["evil.js"], ["weights.safetensors"], ["../outside/run.json"], ["run.json", "evil.js"]]) {
      const packed = await create({ cwd: folder, gzip: true, preservePaths: true }, files).concat();
      await expect(unpackRun(packed, join(FOLDER, "refused"))).rejects.toThrow(
        /archive is damaged: it has .*no file of a run/,
      );
      expect(existsSync(join(FOLDER, "refused/evil.js"))).toBe(false);
    }
    expect(readFileSync(join(outside, "run.json"), "utf8")).toBe("outside");
  });

  test("that is cut short or no archive is refused", async () => {
    await packRun(folderOf("cut", { "run.json": "1".repeat(10_000) }), join(FOLDER, "cut.tar"));
    const packed = takeFile(join(FOLDER, "cut.tar"));
    for (const bytes of [packed.subarray(0, packed.length / 2), Buffer.from("no archive")]) {
      await expect(unpackRun(bytes, join(FOLDER, "cut-short"))).rejects.toThrow(/archive is damaged/);
    }
  });
});

test("a part of a store whose connection fails is closed once and opened again", async () => {
  const closed: number[] = [];
  let opened = 0;
  const open = () => {
    const number = ++opened;
    return {
      on: () => {},
      waitUntilReady: async () => {
        if (number < 3) throw new Error("the database system is starting up");
      },
      close: async () => void closed.push(number),
    };
  };
  const parts = openParts<ReturnType<typeof open>>();
  const part = await openConnected(parts, open, "store");
  expect(closed).toEqual([1, 2]);
  expect(parts.open).toEqual([part]);
});

test("a package that is not installed is named with the command that installs it", async () => {
  const missing = "no-such-package";
  await expect(loadOptional("a queue", missing, () => import(missing), ["ioredis"])).rejects.toThrow(
    "a queue needs the package no-such-package, which is not installed; run: npm install no-such-package ioredis",
  );
});
