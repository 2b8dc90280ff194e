import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { MetricsLine } from "../../../src/runs/metrics.ts";
import { readMetrics, readRunRecord } from "../../../src/runs/node/run-files.ts";

/** A line of metrics without timing. */
export function withoutTimes({ seconds: _seconds, imagesPerSecond: _speed, ...line }: MetricsLine) {
  return line;
}

/** Two finished runs with the same result, to the last bit: metrics, weights, model, and the state they ended in. */
export function expectSameRun(run: string, expected: string): void {
  expect(readMetrics(run).map(withoutTimes)).toEqual(readMetrics(expected).map(withoutTimes));
  const [found, wanted] = [readRunRecord(run), readRunRecord(expected)];
  expect(found.result?.weightsSha256).toMatch(/^[0-9a-f]{64}$/);
  expect(found.result?.weightsSha256).toBe(wanted.result?.weightsSha256);
  for (const name of ["weights.safetensors", "model.onnx"]) {
    expect(readFileSync(join(run, name)).equals(readFileSync(join(expected, name))), name).toBe(true);
  }
}
