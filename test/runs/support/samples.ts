/** A whole run to test with. */
import type { NamedTensor } from "../../../src/formats/safetensors.ts";
import type { MetricsLine } from "../../../src/runs/metrics.ts";
import type { Evaluation, ImportedRunRecord, RunRecord, RunResult } from "../../../src/runs/run-record.ts";

export const sampleRecord: RunRecord = {
  format: 1,
  recipeName: "base",
  recipe: { optimizer: { name: "adam", beta1: 0.9 }, augmentation: ["flip"], note: null },
  model: "base",
  parameters: 421_642,
  seed: 0,
  epochs: 10,
  batchSize: 128,
  learningRate: 0.001,
  trainOn: "split",
  limit: null,
  lowering: "blocked",
  blockSize: 16,
  threads: 2,
  versions: { tailor: "0.1.0", node: "20.19.0", onnxruntime: "1.30.0" },
  commit: "0123456789abcdef0123456789abcdef01234567",
  cpu: { model: "Some CPU @ 2.0 GHz", cores: 2 },
  platform: "linux-x64",
  data: {
    source: "a folder",
    verified: true,
    files: [{ name: "train-images-idx3-ubyte", bytes: 47_040_016, sha256: "c5".repeat(32) }],
    trainImages: 55_000,
    validationImages: 5_000,
  },
  startedAt: "2026-01-31T12:00:00.000Z",
  status: "running",
  result: null,
};

export const sampleResult: RunResult = {
  trainLoss: 0.1,
  trainAccuracy: 0.96,
  validationLoss: 0.2,
  validationAccuracy: 0.93,
  imagesPerSecond: 12_345.6,
  seconds: 44.5,
  peakMemoryBytes: 400_000_000,
  weightsSha256: "0f".repeat(32),
};

export const sampleEvaluation: Evaluation = {
  accuracy: 0.9312,
  correct: 9312,
  total: 10_000,
  standardError: 0.0025,
  loss: 0.21,
};

export const finishedRecord: RunRecord = {
  ...sampleRecord,
  status: "finished",
  result: sampleResult,
  evaluations: { test: sampleEvaluation, "validation-tta": sampleEvaluation },
};

export const importedRecord: ImportedRunRecord = {
  format: 1,
  model: "base",
  parameters: 421_642,
  versions: sampleRecord.versions,
  commit: null,
  cpu: sampleRecord.cpu,
  platform: "linux-x64",
  startedAt: "2026-02-01T12:00:00.000Z",
  status: "imported",
  result: null,
  source: { file: "some/weights.safetensors", bytes: 1234, sha256: "ab".repeat(32) },
  weightsSha256: "0f".repeat(32),
  evaluations: { test: sampleEvaluation },
};

export const sampleMetrics: readonly MetricsLine[] = [1, 2, 3].map((epoch) => ({
  epoch,
  step: epoch * 429,
  learningRate: 0.001 / epoch,
  trainLoss: 1 / epoch,
  trainAccuracy: 1 - 0.5 / epoch,
  validationLoss: epoch === 2 ? null : 0.3,
  validationAccuracy: epoch === 2 ? null : 0.9,
  imagesPerSecond: 12_000,
  seconds: 4.5 * epoch,
}));

export const sampleTensors: readonly NamedTensor[] = [
  { name: "0.weight", shape: [2, 1, 3], data: Float32Array.of(1, -2, 0.5, 0, 7, -0.25) },
  { name: "0.bias", shape: [2], data: Float32Array.of(0.125, 3) },
];
