/** Runs on custom data, on a server with other data, with the same, or with none. */
import { cpSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadCustomData } from "../../src/data/node/custom-data.ts";
import { evaluateRun } from "../../src/evaluation/node/evaluate-run.ts";
import { importWeights } from "../../src/exchange/import-weights.ts";
import { modelFacts } from "../../src/nn/model-facts.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import { loadRunData } from "../../src/runs/node/run-data.ts";
import { readAnyRunRecord } from "../../src/runs/node/run-files.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import type { RunEvaluation, TestImage } from "../../src/server/api-types.ts";
import { trainNewRun } from "../../src/training/node/train-run.ts";
import { putClasses } from "../data/picture-fixtures.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { fashionMnist } from "../support/fashion-mnist.ts";
import { THOROUGH } from "../support/thorough.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { readEvents } from "./support/events.ts";
import { OWN_CLASSES, OWN_SIZE, ownRun } from "./support/own-runs.ts";
import { errorOf, jsonOf, postJson, start } from "./support/running-server.ts";

const made = await ownRun(sharedFolder());
const otherData = await smallDataFolder({ isHalved: true });
/** A copy of the run and its pictures, to be damaged. */
function copied(): { runs: string; pictures: string } {
  const folder = temporaryFolder();
  const [runs, pictures] = [join(folder, "runs"), join(folder, "pictures")];
  cpSync(made.runs, runs, { recursive: true });
  cpSync(made.pictures, pictures, { recursive: true });
  const record = readAnyRunRecord(join(runs, "own"));
  if (record.status !== "finished") throw new Error("the run is not finished");
  const moved = { ...record, data: { ...record.data, folder: pictures } };
  writeFileSync(join(runs, "own", "run.json"), JSON.stringify(moved));
  return { runs, pictures };
}

const evaluationAt = (url: string, id = "own") => fetch(`${url}/api/runs/${id}/evaluation`);

describe("a run of pictures", () => {
  test.each([
    ["no data", undefined],
    ["other data", otherData],
  ])("on a server with %s is evaluated on its own images, which can be requested", async (_, data) => {
    const { runs, pictures } = copied();
    const { url } = await start({ runs, data });
    const answer = await jsonOf<RunEvaluation>(evaluationAt(url));
    const own = await loadRunData(join(made.runs, "own"));
    const { predictions: _p, ...metrics } = await evaluateRun(join(runs, "own"), {
      data: own,
      split: "test",
      averageFlips: false,
      threads: 1,
    });
    const { mistakes: _m, run: _r, classes, ...told } = answer;
    expect(told).toEqual(metrics);
    expect(classes).toEqual(OWN_CLASSES);
    expect(answer.total).toBe(9);

    const at = 7;
    const bytes = 3 * OWN_SIZE ** 2;
    const image = await jsonOf<TestImage>(fetch(`${url}/api/runs/own/test-images/${at}`));
    expect(image).toEqual({
      index: at,
      label: own.test.labels[at],
      className: OWN_CLASSES[own.test.labels[at]!],
      channels: 3,
      height: OWN_SIZE,
      width: OWN_SIZE,
      pixels: [...own.test.images.read(at, at + 1)],
    });
    const { images } = await jsonOf<{ images: TestImage[] }>(fetch(`${url}/api/runs/own/test-images?count=5`));
    expect(images).toHaveLength(5);
    expect(images.every(({ pixels }) => pixels.length === bytes)).toBe(true);
    const about = await (await fetch(`${url}/api/runs/own`)).text();
    expect(about).not.toContain(pictures);
    expect(JSON.parse(about).record.data).toMatchObject({ source: "pictures", folder: "pictures" });
    // It can be classified as returned.
    expect((await postJson(`${url}/api/predict?run=own`, image)).status).toBe(200);
    expect((await errorOf(fetch(`${url}/api/runs/own/test-images/9`))).slice(0, 2)).toEqual([404, "no_such_image"]);
    expect((await errorOf(fetch(`${url}/api/runs/nobody/test-images`))).slice(0, 2)).toEqual([404, "no_such_run"]);
  });

  test("whose pictures were moved is refused without a path, and works once the server has the new folder", async () => {
    const { runs, pictures } = copied();
    const before = await start({ runs });
    const expected = await jsonOf<RunEvaluation>(evaluationAt(before.url));
    await before.close();
    const place = join(temporaryFolder(), "elsewhere");
    renameSync(pictures, place);

    const { url, log } = await start({ runs });
    const [status, code, message] = await errorOf(evaluationAt(url));
    expect([status, code]).toEqual([409, "no_data_of_run"]);
    expect(message).toContain("`data`");
    expect(log.join("\n")).toContain(pictures);
    expect((await errorOf(fetch(`${url}/api/runs/own/test-images`))).slice(0, 2)).toEqual([409, "no_data_of_run"]);

    // Another size than the run's, so that the server's own images are not the run's.
    const informed = await start({ runs, data: place, preparation: { size: 16 } });
    expect(await jsonOf<RunEvaluation>(evaluationAt(informed.url))).toEqual(expected);
    // And back in their place, without a new start.
    renameSync(place, pictures);
    expect(await jsonOf<RunEvaluation>(evaluationAt(url))).toEqual(expected);
  });

  test("with a changed picture is refused; the log names it", async () => {
    const { runs, pictures } = copied();
    cpSync(join(pictures, "leaf/1.jpeg"), join(pictures, "leaf/4.jpeg"));
    const { url, log } = await start({ runs });
    expect((await errorOf(evaluationAt(url))).slice(0, 2)).toEqual([409, "no_data_of_run"]);
    expect(log.join("\n")).toContain("leaf/4.jpeg has another content");
  });
});

test("a run of changed IDX files is refused, and none of their images is returned as its own", async () => {
  const [runs, folder] = [join(temporaryFolder(), "runs"), join(temporaryFolder(), "data")];
  cpSync(await smallDataFolder({ train: 240, test: 20, isHalved: true }), folder, { recursive: true });
  const recipe = { ...findRecipe("base"), epochs: 1, batchSize: 32 };
  await trainNewRun(
    { recipe, seed: 1, trainOn: "split", limit: null, out: join(runs, "idx") },
    { data: await loadCustomData(folder, { size: 16 }), threads: 1, runtime: nodeRuntime },
  );
  const first = await start({ runs });
  expect((await jsonOf<RunEvaluation>(evaluationAt(first.url, "idx"))).total).toBe(20);
  const { channels, height } = await jsonOf<TestImage>(fetch(`${first.url}/api/runs/idx/test-images/0`));
  expect([channels, height]).toEqual([1, 16]);
  await first.close();

  const file = join(folder, "t10k-images-idx3-ubyte");
  const bytes = readFileSync(file);
  bytes[500]! ^= 1;
  writeFileSync(file, bytes);
  const { url, log } = await start({ runs });
  for (const path of ["evaluation", "test-images/0"]) {
    expect((await errorOf(fetch(`${url}/api/runs/idx/${path}`))).slice(0, 2)).toEqual([409, "no_data_of_run"]);
  }
  expect(log.join("\n")).toMatch(/t10k-images-idx3-ubyte in .* has another checksum/);
});

test("a run of the published images is evaluated on those, though the server has pictures", THOROUGH, async () => {
  const runs = join(temporaryFolder(), "runs");
  const recipe = { ...findRecipe("base"), epochs: 1, batchSize: 32 };
  const published = await fashionMnist();
  await trainNewRun(
    { recipe, seed: 1, trainOn: "split", limit: 320, out: join(runs, "published") },
    { data: published, threads: 2, runtime: nodeRuntime },
  );
  const { url } = await start({ runs, data: made.pictures, threads: 2 });
  const { total, classes } = await jsonOf<RunEvaluation>(evaluationAt(url, "published"));
  expect({ total, classes }).toEqual({ total: 10_000, classes: published.test.classNames });
  const { label, pixels } = await jsonOf<TestImage>(fetch(`${url}/api/runs/published/test-images/77`));
  expect({ label, pixels }).toEqual({
    label: published.test.labels[77],
    pixels: [...published.test.images.read(77, 78)],
  });
});

test(
  "imported weights are evaluated on the server's pictures, with the preparation of their file",
  THOROUGH,
  async () => {
    const runs = join(temporaryFolder(), "runs");
    await importWeights(join(made.runs, "own", "weights.safetensors"), {
      out: () => join(runs, "back"),
      threads: 1,
      report: () => {},
    });
    const [{ url }, first] = [await start({ runs, data: made.pictures }), await start({ runs: copied().runs })];
    const { run: _, ...answer } = await jsonOf<RunEvaluation>(evaluationAt(url, "back"));
    const { run: __, ...expected } = await jsonOf<RunEvaluation>(evaluationAt(first.url));
    expect(answer).toEqual(expected);
  },
);

describe("a server with pictures", () => {
  test("describes them", async () => {
    const preparation = { size: 16, fit: "pad" } as const;
    const { url } = await start({ data: made.pictures, preparation });
    const { train, test: tested } = await loadCustomData(made.pictures, preparation);
    expect(await jsonOf(fetch(`${url}/api/dataset`))).toEqual({
      channels: 3,
      height: 16,
      width: 16,
      classes: OWN_CLASSES,
      trainImages: train.count,
      testImages: tested.count,
      validation: [...train.validation!],
      preparation: { kind: "fit", fit: "pad" },
    });
    const { recipes } = await jsonOf<{ recipes: { name: string; parameters: number }[] }>(fetch(`${url}/api/recipes`));
    const task = { channels: 3, height: 16, width: 16, classes: 3 };
    const { parameters } = modelFacts(findRecipe("base").model, task);
    expect(recipes.find(({ name }) => name === "base")!.parameters).toBe(parameters);
  });

  test("trains on them as `train --data` does", async () => {
    const runs = join(temporaryFolder(), "runs");
    const folder = join(temporaryFolder(), "pictures");
    await putClasses(folder, { one: 90, two: 90 }, { width: 20, height: 16 });
    const { url } = await start({ runs, data: folder, preparation: { size: 16, channels: 1 } });
    // The number of validation images is that of the split, not a twelfth.
    const { train } = await loadCustomData(folder, { size: 16 });
    const most = train.count - train.validation!.length;
    const [, code, message] = await errorOf(postJson(`${url}/api/training`, { recipe: "base", limit: most + 1 }));
    expect(code).toBe("bad_limit");
    expect(message).toContain(`to ${most}, got ${most + 1}`);
    const { id } = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, { recipe: "base", epochs: 1 }), 202);
    await readEvents(`${url}/api/runs/${id}/events`).all();
    const record = readAnyRunRecord(join(runs, id));
    expect(record).toMatchObject({
      status: "finished",
      data: { source: "pictures", folder, image: { channels: 1, height: 16, width: 16 } },
    });
    const data = await loadRunData(join(runs, id));
    expect(data.train.classNames).toEqual(["one", "two"]);
    expect((await jsonOf<RunEvaluation>(evaluationAt(url, id))).total).toBe(data.test.count);
  });
});
