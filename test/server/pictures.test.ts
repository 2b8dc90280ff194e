/** Pictures that clients send, and trainings on them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import type { RunEvaluation, RunSummary } from "../../src/server/api-types.ts";
import { createPictureSets } from "../../src/server/picture-sets.ts";
import { openBackbone } from "../../src/training/node/open-backbone.ts";
import { put, putShapes } from "../data/picture-fixtures.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { THOROUGH } from "../support/thorough.ts";
import { otherNetwork } from "../training/support/backbones.ts";
import { sharedFolder } from "../training/support/small-data.ts";
import { readEvents } from "./support/events.ts";
import { errorOf, jsonOf, postBytes, postJson, start } from "./support/running-server.ts";

const folder = sharedFolder();
await putShapes(join(folder, "shapes"), { classes: 2, images: 12 });
put(folder, { "net.onnx": otherNetwork() });
const { backbone } = await openBackbone(join(folder, "net.onnx"), { range: "0-1", threads: 1, report: () => {} });
const pictureOf = (label: number, i: number) => readFileSync(join(folder, "shapes", `shape ${label}`, `${i}.jpg`));

/** Names that are no names of folders, and have what separates columns. */
const NAMES = ['"round", they say', "../square"] as const;

const began = (url: string) => jsonOf<{ id: string }>(postJson(`${url}/api/pictures`, {}), 201);
const send = (url: string, id: string, name: string, bytes: Uint8Array, type = "image/jpeg") =>
  postBytes(`${url}/api/pictures/${id}?class=${encodeURIComponent(name)}`, bytes, type);

test(
  "are trained on with a backbone, into a run that is evaluated on its own ones; class names lead to no folder",
  THOROUGH,
  async () => {
    const runs = join(temporaryFolder(), "runs");
    const { url } = await start({ runs, backbones: [backbone] });
    const { id: pictures } = await began(url);
    for (const [label, name] of NAMES.entries()) {
      for (let i = 0; i < 12; i++) {
        const answer = await jsonOf(send(url, pictures, name, pictureOf(label, i)), 201);
        expect(answer).toEqual({ pictures: label * 12 + i + 1 });
      }
    }
    const wish = { recipe: "transfer", backbone: "net", pictures, epochs: 60 };
    const { id } = await jsonOf<{ id: string }>(postJson(`${url}/api/training`, wish), 202);
    await readEvents(`${url}/api/runs/${id}/events`).all();
    expect(readRunRecord(join(runs, id))).toMatchObject({
      status: "finished",
      epochs: 60,
      data: { classes: NAMES, folder: join(runs, "pictures", pictures), image: { channels: 3, height: 16, width: 16 } },
    });
    const summary = await jsonOf<RunSummary>(fetch(`${url}/api/runs/${id}`));
    expect(summary).toMatchObject({ data: pictures, classes: NAMES });
    const { total } = await jsonOf<RunEvaluation>(fetch(`${url}/api/runs/${id}/evaluation`));
    expect(total).toBe(2);
    expect(readdirSync(join(runs, "pictures"))).toEqual([pictures]);
    // They are the run's now.
    expect((await errorOf(postJson(`${url}/api/training`, wish))).slice(0, 2)).toEqual([404, "no_such_pictures"]);
  },
);

test("stay if their training does not begin, and are deleted on request and when the server closes", async () => {
  const runs = join(temporaryFolder(), "runs");
  const server = await start({ runs, backbones: [backbone] });
  const { url } = server;
  const [{ id }, other] = [await began(url), await began(url)];
  await jsonOf(send(url, id, "alone", pictureOf(0, 0)), 201);
  const [status, code, message] = await errorOf(postJson(`${url}/api/training`, { recipe: "transfer", pictures: id }));
  expect([status, code]).toEqual([503, "training_failed"]);
  expect(message).toMatch(/^The training did not begin\. .*class/);
  expect(await jsonOf(send(url, id, "alone", pictureOf(0, 1)), 201)).toEqual({ pictures: 2 });
  expect(await jsonOf(fetch(`${url}/api/pictures/${other.id}`, { method: "DELETE" }))).toEqual({ id: other.id });
  expect(readdirSync(join(runs, "pictures"))).toEqual([id]);
  await server.close();
  expect(readdirSync(join(runs, "pictures"))).toEqual([]);
});

test("are refused where they cannot be trained on, with what is wrong", async () => {
  const { url } = await start();
  const { id } = await began(url);
  const refusals = async (asked: Promise<Response>) => (await errorOf(asked)).slice(0, 2);
  expect(await refusals(send(url, id, "a", Buffer.from("no picture")))).toEqual([400, "bad_image"]);
  expect(await refusals(send(url, id, "a", pictureOf(0, 0), "text/plain"))).toEqual([415, "unsupported_media_type"]);
  for (const name of ["", " ", "a\nb", "x".repeat(101)]) {
    expect(await refusals(send(url, id, name, pictureOf(0, 0)))).toEqual([400, "bad_request"]);
  }
  for (const name of ["other", "..%2F..", "%2Ftmp"]) {
    expect(await refusals(postBytes(`${url}/api/pictures/${name}?class=a`, pictureOf(0, 0), "image/jpeg"))).toEqual([
      404,
      "no_such_pictures",
    ]);
    expect(await refusals(fetch(`${url}/api/pictures/${name}`, { method: "DELETE" }))).toEqual([
      404,
      "no_such_pictures",
    ]);
  }
  const small = await start({ limits: { bodyBytes: 100 } });
  const begun = await began(small.url);
  expect(await refusals(send(small.url, begun.id, "a", pictureOf(0, 0)))).toEqual([413, "body_too_large"]);
  const shared = await start({ allowTraining: false });
  expect(await refusals(postJson(`${shared.url}/api/pictures`, {}))).toEqual([403, "training_not_allowed"]);
  const headers = { "sec-fetch-site": "cross-site" };
  expect(await refusals(postJson(`${url}/api/pictures`, {}, headers))).toEqual([403, "cross_site"]);
});

describe("a set of pictures", () => {
  test("takes no more than its limits allow", () => {
    const bytes = pictureOf(0, 0);
    const few = createPictureSets(temporaryFolder(), { pictures: 1, bytes: 2 ** 20 });
    const id = few.create();
    expect(few.add(id, { className: "a", bytes })).toBe(1);
    expect(() => few.add(id, { className: "a", bytes })).toThrow("At most 1 pictures of together 1 MB");
    const small = createPictureSets(temporaryFolder(), { pictures: 9, bytes: bytes.length - 1 });
    expect(() => small.add(small.create(), { className: "a", bytes })).toThrow("At most 9 pictures");
  });

  test("makes room for others, the oldest first, unless a training has it", () => {
    const runs = temporaryFolder();
    const sets = createPictureSets(runs);
    const [trained, oldest, ...others] = Array.from({ length: 4 }, () => sets.create());
    sets.take(trained!);
    const last = [sets.create(), sets.create()];
    expect(readdirSync(join(runs, "pictures")).sort()).toEqual([trained, ...others, ...last].sort());
    expect(existsSync(join(runs, "pictures", oldest!))).toBe(false);
  });
});
