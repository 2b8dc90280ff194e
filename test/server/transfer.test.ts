/** Pretrained networks that a server offers, and trainings that start from them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Backbone } from "../../src/formats/backbone.ts";
import { transfer } from "../../src/recipes/transfer.ts";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { ort } from "../../src/runtime/node/ort.ts";
import type { BackboneSummary, RecipeSummary, RunEvaluation } from "../../src/server/api-types.ts";
import type { OfferedBackbone } from "../../src/server/backbones.ts";
import { chooseBackboneRange } from "../../src/training/node/choose-backbone-range.ts";
import { loadDataFor } from "../../src/training/node/data-to-train.ts";
import { openBackbone } from "../../src/training/node/open-backbone.ts";
import { put, putShapes } from "../data/picture-fixtures.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { otherNetwork } from "../training/support/backbones.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { readEvents } from "./support/events.ts";
import { errorOf, jsonOf, postJson, start } from "./support/running-server.ts";

const folder = sharedFolder();
const pictures = join(folder, "shapes");
await putShapes(pictures, { classes: 3, images: 20 });
put(folder, { "net.onnx": otherNetwork(), "gray/net.onnx": otherNetwork({ size: 32 }) });
const opened = async (name: string) =>
  (await openBackbone(join(folder, name), { range: "0-1", threads: 1, report: () => {} })).backbone;
const backbones = [await opened("net.onnx"), await opened("gray/net.onnx")];

test("backbones are listed by name, without their paths; their files give features of pixels", async () => {
  const { url } = await start({ backbones });
  const answer = await (await fetch(`${url}/api/backbones`)).text();
  expect(answer).not.toContain(folder);
  const { backbones: listed }: { backbones: BackboneSummary[] } = JSON.parse(answer);
  expect(listed.map(({ name }) => name)).toEqual(["net", "net-2"]);
  const [first, second] = listed as [BackboneSummary, BackboneSummary];
  expect(first).toMatchObject({ features: 8, input: { channels: 3, height: 16, width: 16 }, licence: null });
  expect(second.input.height).toBe(32);

  const response = await fetch(`${url}/api/backbones/net/model.onnx`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(bytes.length).toBe(first.bytes);
  const { InferenceSession, Tensor } = ort();
  const session = await InferenceSession.create(bytes);
  const { features } = await session.run({
    pixels: new Tensor("float32", new Float32Array(2 * 3 * 256), [2, 3, 16, 16]),
  });
  await session.release();
  expect(features!.dims).toEqual([2, 8]);

  const headers = { "if-none-match": response.headers.get("etag")! };
  expect((await fetch(`${url}/api/backbones/net/model.onnx`, { headers })).status).toBe(304);
  expect((await fetch(`${url}/api/backbones/net-2/model.onnx`, { headers })).status).toBe(200);
  for (const name of ["other", "..%2Fnet", encodeURIComponent(join(folder, "net.onnx"))]) {
    expect((await errorOf(fetch(`${url}/api/backbones/${name}/model.onnx`))).slice(0, 2)).toEqual([
      404,
      "no_such_backbone",
    ]);
  }
});

test("transfer trains on the server's pictures, at the backbone's size, into a run like any other", async () => {
  const runs = join(temporaryFolder(), "runs");
  const { url, log } = await start({ runs, data: pictures, backbones });
  const { recipes } = await jsonOf<{ recipes: RecipeSummary[] }>(fetch(`${url}/api/recipes`));
  expect(recipes.filter(({ name }) => name === "transfer")).toMatchObject([
    { backbone: "net", parameters: 8 * 3 + 3 },
    { backbone: "net-2" },
  ]);
  const wish = { recipe: "transfer", backbone: "net-2", seed: 3 };
  const { id } = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, wish), 202);
  expect(id).toMatch(/^transfer-/);
  await readEvents(`${url}/api/runs/${id}/events`).all();
  const record = readRunRecord(join(runs, id));
  expect(record).toMatchObject({
    ...{ status: "finished", seed: 3 },
    data: { image: { channels: 3, height: 32, width: 32 } },
    recipe: { backbone: backbones[1], optimizer: { weightDecay: expect.any(Number) } },
  });
  const about = await (await fetch(`${url}/api/runs/${id}`)).text();
  expect(about).not.toContain(folder);
  expect(JSON.parse(about).record.recipe.backbone).toEqual({ ...backbones[1], file: "net.onnx" });
  const { accuracy } = await jsonOf<RunEvaluation>(fetch(`${url}/api/runs/${id}/evaluation`));
  expect(accuracy).toBeGreaterThan(0.6);
  expect(log.filter((line) => line.includes("failed"))).toEqual([]);
});

test("a training chooses the range of a backbone's pixels where only the server supposes one", async () => {
  const runs = join(temporaryFolder(), "runs");
  const supposed = await openBackbone(join(folder, "net.onnx"), { threads: 1, report: () => {} });
  expect(supposed.isRangeSupposed).toBe(true);
  const meanOf = async (backbone: OfferedBackbone) => {
    const { url } = await start({ runs, data: pictures, backbones: [backbone] });
    const { id } = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, { recipe: "transfer" }), 202);
    await readEvents(`${url}/api/runs/${id}/events`).all();
    return (readRunRecord(join(runs, id)).recipe.backbone as Backbone).input.mean;
  };
  const machine = { threads: 1, runtime: nodeRuntime, report: () => {} };
  const data = await loadDataFor(transfer(supposed.backbone), { folder: pictures });
  const split = { trainOn: "split", limit: null } as const;
  const chosen = await chooseBackboneRange(transfer(supposed.backbone), data, split, machine);
  expect(chosen.range).not.toBe("imagenet");
  expect(await meanOf(supposed)).toEqual(chosen.recipe.backbone!.input.mean);
  expect(await meanOf(supposed.backbone)).toEqual(supposed.backbone.input.mean);
});

test.each([
  [
    { recipe: "transfer", backbone: "other" },
    404,
    "no_such_backbone",
    /^There is no such backbone: there are net, net-2\.$/,
  ],
  [{ recipe: "transfer", backbone: join(folder, "net.onnx") }, 404, "no_such_backbone", /^There is no such backbone/],
  [{ recipe: "base", backbone: "net" }, 400, "bad_backbone", /A backbone is for the recipe transfer, .* is base;/],
  [{ recipe: "transfer", backbone: 1 }, 400, "bad_request", /field "backbone": expected string, found 1/],
] as const)("%j is refused: %i %s", async (wish, status, code, message) => {
  const { url } = await start({ data: pictures, backbones });
  const refused = await errorOf(postJson(`${url}/api/training`, wish));
  expect(refused).toEqual([status, code, expect.stringMatching(message)]);
});

test("a server without backbones says so; its default data are refused with a reason", async () => {
  const without = await start({ data: pictures });
  expect(await jsonOf(fetch(`${without.url}/api/backbones`))).toEqual({ backbones: [] });
  expect((await errorOf(postJson(`${without.url}/api/training`, { recipe: "transfer" })))[2]).toContain("offers none");
  const { url } = await start({ backbones });
  expect(await errorOf(postJson(`${url}/api/training`, { recipe: "transfer" }))).toEqual([
    503,
    "training_failed",
    expect.stringMatching(/images are 1x28x28, but the backbone takes 3x16x16; give pictures/),
  ]);
});

test("a file that has changed since it was opened is not served", async () => {
  put(folder, { "changing.onnx": otherNetwork() });
  const changing = await opened("changing.onnx");
  writeFileSync(changing.file, otherNetwork({ metadata: { trained: "further" } }));
  await expect(start({ backbones: [changing] })).rejects.toThrow(/changing\.onnx has changed/);
});
