import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { onTestFinished } from "vitest";
import type { PublishedData, PublishedFile } from "../../src/data/fashion-mnist.ts";
import type { ImageSet } from "../../src/data/image-set.ts";
import { memoryRows } from "../../src/data/rows.ts";

/** The bytes of an IDX file of uint8, written according to the format's description. */
export function idxBytes(shape: readonly number[], data: ArrayLike<number>, type = 0x08): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = type;
  header[3] = shape.length;
  for (const [axis, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
  const bytes = new Uint8Array(header.length + data.length);
  bytes.set(header);
  bytes.set(data, header.length);
  return bytes;
}

/** A temporary folder, removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tailor-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A tiny published data set: 6 + 4 images of 3x2 in 3 classes. */
export function tinyData(): { data: PublishedData; contents: Map<string, Uint8Array> } {
  const contents = new Map<string, Uint8Array>();
  const publish = (name: string, bytes: Uint8Array): PublishedFile => {
    contents.set(name, bytes);
    return { name, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  };
  const pixels = (count: number, factor: number) => Array.from({ length: count * 6 }, (_, i) => (i * factor) % 256);
  const data: PublishedData = {
    title: "Tiny",
    folder: "tiny",
    height: 3,
    width: 2,
    classNames: ["ant", "bee", "cat"],
    files: {
      trainImages: publish("train-images-idx3-ubyte", idxBytes([6, 3, 2], pixels(6, 7))),
      trainLabels: publish("train-labels-idx1-ubyte", idxBytes([6], [0, 1, 2, 2, 1, 0])),
      testImages: publish("t10k-images-idx3-ubyte", idxBytes([4, 3, 2], pixels(4, 11))),
      testLabels: publish("t10k-labels-idx1-ubyte", idxBytes([4], [2, 1, 0, 2])),
    },
  };
  return { data, contents };
}

/** Writes files into a new folder, compressed or not. */
export async function writeFiles(
  folder: string,
  contents: ReadonlyMap<string, Uint8Array>,
  { packed = true }: { packed?: boolean } = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of contents) {
    await writeFile(join(folder, packed ? `${name}.gz` : name), packed ? gzipSync(bytes) : bytes);
  }
}

/** A set in which image i is filled with byte i, or with `pixel(i, offset)`, and has label i mod classes. */
export function numberedSet(
  count: number,
  { channels = 1, height = 3, width = 4, classes = 10, pixel = (image: number, _offset: number): number => image } = {},
): ImageSet {
  const size = channels * height * width;
  return {
    images: memoryRows(
      Uint8Array.from({ length: count * size }, (_, i) => pixel(Math.floor(i / size), i % size)),
      size,
    ),
    labels: Uint8Array.from({ length: count }, (_, i) => i % classes),
    count,
    channels,
    height,
    width,
    classNames: Array.from({ length: classes }, (_, i) => `class ${i}`),
  };
}
