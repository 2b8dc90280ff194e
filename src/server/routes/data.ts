import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import type { Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import { etag } from "hono/etag";
import { z } from "zod";
import type { ImageSet } from "../../data/image-set.ts";
import { bytesOf, memoryRows, type Rows } from "../../data/rows.ts";
import { GARMENT } from "../../imaging/preparation.ts";
import { randomStream } from "../../random.ts";
import type { DatasetSummary, TestImage } from "../api-types.ts";
import type { ServerContext } from "../context.ts";
import { HttpError } from "../errors.ts";
import { parseQuery } from "../request.ts";
import { entityTag, jsonList, PART_BYTES, slices, streamOf } from "../streams.ts";

/** Maximum number of test images per response. */
const MAX_IMAGES = 1000;

/** Larger parts are not compressed, which takes memory. */
const MAX_COMPRESSED_BYTES = 64 * 2 ** 20;
/** The compressed size, as a share, up to which it is kept. Photos have no such. */
const WORTHWHILE = 0.8;

const sampleSchema = z.object({
  count: z.coerce.number().int().min(1).max(MAX_IMAGES).default(24),
  seed: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(1),
});

/**
 * Routes for data: single test images and samples of them, from the server's data set and each run's, and all of the
 * server's data as bytes for training in a browser.
 */
export function dataRoutes(
  app: Hono,
  { catalog, data, dataOfRuns }: Pick<ServerContext, "catalog" | "data" | "dataOfRuns">,
): void {
  for (const [base, testSetOf] of [
    ["/api", async () => (await data()).test],
    ["/api/runs/:id", async (c) => (await dataOfRuns.of(catalog.find(c.req.param("id")!))).test],
  ] as const satisfies [string, (c: Context) => Promise<ImageSet>][]) {
    app.get(`${base}/test-images`, async (c) => {
      const { count, seed } = parseQuery(c.req, sampleSchema);
      const test = await testSetOf(c);
      const indices = sampleIndices(test.count, { count, seed });
      return c.body(streamOf(jsonList("images", testImages(test, indices))), 200, {
        "content-type": "application/json",
      });
    });

    app.get(`${base}/test-images/:index`, async (c) => {
      const typed = c.req.param("index") ?? "";
      const test = await testSetOf(c);
      if (!/^\d+$/.test(typed) || Number(typed) >= test.count) {
        throw new HttpError(404, "no_such_image", `The test images are numbered 0 to ${test.count - 1}.`);
      }
      return c.json(testImage(test, Number(typed)));
    });
  }

  app.get("/api/dataset", async (c) => {
    const { train, test, preparation = GARMENT } = await data();
    const { channels, height, width, classNames } = train;
    return c.json({
      channels,
      height,
      width,
      classes: classNames,
      trainImages: train.count,
      testImages: test.count,
      validation: train.validation ? [...train.validation] : null,
      preparation,
    } satisfies DatasetSummary);
  });

  app.get("/api/dataset/:part", etag(), async (c) => {
    const part = PARTS.get(c.req.param("part"));
    if (part === undefined) {
      const names = [...PARTS.keys()].join(", ");
      throw new HttpError(404, "no_such_part", `The parts of the data set are ${names}.`);
    }
    const { train, test } = await data();
    const rows = part({ train, test });
    const { tag, small } = await packedOnce(rows);
    const isGzip = accepts(c, { header: "Accept-Encoding", supports: ["gzip"], default: "identity" }) === "gzip";
    const packed = isGzip ? small : undefined;
    return c.body(streamOf(packed ? slices(packed) : bytesOf(rows, PART_BYTES)), 200, {
      "content-type": "application/octet-stream",
      "content-length": String(packed?.length ?? rows.count * rows.size),
      "cache-control": "no-cache",
      vary: "Accept-Encoding",
      etag: tag,
      ...(packed ? { "content-encoding": "gzip" } : {}),
    });
  });
}

type Sets = { readonly train: ImageSet; readonly test: ImageSet };
const PARTS = new Map<string, (sets: Sets) => Rows>([
  ["train-images", ({ train }) => train.images],
  ["train-labels", ({ train }) => labelsOf(train)],
  ["test-images", ({ test }) => test.images],
  ["test-labels", ({ test }) => labelsOf(test)],
]);

/** A set's labels, the same object each time. */
function labelsOf(set: ImageSet): Rows {
  const known = labels.get(set) ?? memoryRows(set.labels, 1);
  labels.set(set, known);
  return known;
}

const labels = new WeakMap<ImageSet, Rows>();

/** What is sent of a part of the data. */
interface Packed {
  readonly tag: string;
  /** Compressed, where that is worthwhile. */
  readonly small: Uint8Array | undefined;
}

/** The parts are the same as long as the server runs, and are compressed once. */
const packed = new WeakMap<Rows, Promise<Packed>>();

function packedOnce(rows: Rows): Promise<Packed> {
  const known = packed.get(rows) ?? pack(rows);
  packed.set(rows, known);
  return known;
}

async function pack(rows: Rows): Promise<Packed> {
  const hash = createHash("sha256");
  for (const bytes of bytesOf(rows)) {
    hash.update(bytes);
    await setImmediate(); // others have their turn
  }
  const tag = entityTag(hash.digest("hex"));
  const size = rows.count * rows.size;
  if (size > MAX_COMPRESSED_BYTES) return { tag, small: undefined };
  const small = await promisify(gzip)(Buffer.concat([...bytesOf(rows)]), { level: constants.Z_BEST_SPEED });
  return { tag, small: small.length < WORTHWHILE * size ? small : undefined };
}

function testImage(set: ImageSet, index: number): TestImage {
  const { channels, height, width } = set;
  const label = set.labels[index]!;
  const pixels = [...set.images.read(index, index + 1)];
  return { index, label, className: set.classNames[label]!, channels, height, width, pixels };
}

function* testImages(set: ImageSet, indices: readonly number[]): Generator<TestImage> {
  for (const index of indices) yield testImage(set, index);
}

/** Different random numbers below `total`, determined by the seed. */
function sampleIndices(total: number, { count, seed }: { count: number; seed: number }): number[] {
  const stream = randomStream(seed, "sample");
  const drawn = new Set<number>();
  while (drawn.size < Math.min(count, total)) drawn.add(stream.below(total));
  return [...drawn];
}
