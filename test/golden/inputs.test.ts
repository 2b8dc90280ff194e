import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  BATCH_SIZE,
  BATCHES,
  build,
  dropoutMask,
  hash,
  imageBatch,
  norm,
  project,
  strided,
  type TensorSpec,
} from "./inputs.ts";

// inputs.py wrote these fingerprints: what it fed to PyTorch is what the tests here rebuild.
const golden = JSON.parse(readFileSync(new URL("./inputs.json", import.meta.url), "utf8")) as {
  hashes: { tag: number; index: number; hash: number }[];
  hashSha256: string;
  pixelsSha256: string[];
  labels: number[][];
  maskSha256: string[];
  tensor: TensorSpec;
  tensorSha256: string;
  tensorNorm: number;
  tensorProjection: number;
  tensorStrided: number[];
};

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const bytesOf = (values: Uint32Array | Float32Array) => new Uint8Array(values.buffer);

test("hash gives the integers of inputs.py", () => {
  for (const { tag, index, hash: expected } of golden.hashes) expect(hash(tag, index)).toBe(expected);
  const stream = Uint32Array.from({ length: 16_000 }, (_, i) => hash(Math.floor(i / 1000), i % 1000));
  expect(sha256(bytesOf(stream))).toBe(golden.hashSha256);
});

test("the ten batches and dropout masks are those of inputs.py, byte for byte", () => {
  for (let batch = 0; batch < BATCHES; batch++) {
    const { pixels, labels } = imageBatch(batch);
    expect(sha256(pixels)).toBe(golden.pixelsSha256[batch]);
    expect([...labels]).toEqual(golden.labels[batch]);
    expect(sha256(dropoutMask(batch, BATCH_SIZE * 256))).toBe(golden.maskSha256[batch]);
  }
});

test("a described tensor and its fingerprints are those of inputs.py", () => {
  const values = build(golden.tensor);
  expect(sha256(bytesOf(Float32Array.from(values)))).toBe(golden.tensorSha256);
  expect(norm(values)).toBeCloseTo(golden.tensorNorm, 12);
  expect(project(values, 1002)).toBeCloseTo(golden.tensorProjection, 12);
  expect(strided(values)).toEqual(golden.tensorStrided);
});
