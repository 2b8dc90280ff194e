/** Fashion-MNIST's training images in the format that all peers read: two files of bytes in a temporary folder. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadFashionMnist, normalizationOf } from "../../build/index.js";

/** @returns { data, mean, deviation }, see peers/task.js */
export async function writeData(report) {
  const { train } = await loadFashionMnist({ report });
  const { mean, standardDeviation } = normalizationOf(train);
  const data = mkdtempSync(join(tmpdir(), "tailor-peers-"));
  process.on("exit", () => rmSync(data, { recursive: true, force: true }));
  writeFileSync(join(data, "images.u8"), train.images);
  writeFileSync(join(data, "labels.u8"), train.labels);
  return { data, mean: mean[0], deviation: standardDeviation[0] };
}
