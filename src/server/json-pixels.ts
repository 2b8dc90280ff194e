import { z } from "zod";
import { describeIssues } from "../formats/json-issues.ts";
import type { PreparationTarget } from "../imaging/prepare-image.ts";
import { HttpError } from "./http-error.ts";

/**
 * The pixels of `{ "pixels": ... }`, whatever stands beside them (a test image of this server's, say): one list of channels x height x width numbers, or, for a model of one channel, a list
 * of rows; whole numbers from 0 to 255, as the network takes them.
 *
 * @returns [channels, height, width]
 * @throws HttpError 400 that names the first thing that is wrong
 */
export function pixelsOf(body: unknown, shape: PreparationTarget): Uint8Array {
  const pixels = hasPixels(body) ? body.pixels : undefined;
  const size = shape.channels * shape.height * shape.width;
  // Checking 784 numbers with the schema takes longer than the network: it only explains what this does not take.
  const bytes = Array.isArray(pixels) ? toBytes(isRows(pixels, shape) ? pixels.flat() : pixels, size) : undefined;
  if (bytes) return bytes;
  const { issues } = bodySchema(pixels, shape).safeParse(body).error ?? { issues: [] };
  throw new HttpError(400, "bad_pixels", `The body does not hold pixels: ${describeIssues(issues, body)}.`);
}

function hasPixels(body: unknown): body is { pixels: unknown } {
  return typeof body === "object" && body !== null && "pixels" in body;
}

function isRows(pixels: readonly unknown[], { channels, height, width }: PreparationTarget): boolean {
  const isRow = (row: unknown) => Array.isArray(row) && row.length === width;
  return channels === 1 && pixels.length === height && pixels.every(isRow);
}

/** @returns undefined unless there are `size` values, each a byte */
function toBytes(values: readonly unknown[], size: number): Uint8Array | undefined {
  if (values.length !== size) return undefined;
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) {
    const value = values[i];
    if (typeof value !== "number") return undefined;
    bytes[i] = value;
    if (bytes[i] !== value) return undefined;
  }
  return bytes;
}

/** The form that the pixels seem to be meant in. */
function bodySchema(pixels: unknown, { channels, height, width }: PreparationTarget) {
  const byte = z.int().min(0).max(255);
  const size = channels * height * width;
  const flat = z.array(byte).length(size, `expected ${size} numbers`);
  const rows = z
    .array(z.array(byte).length(width, `expected ${width} numbers`))
    .length(height, `expected ${height} rows`);
  const isNested = channels === 1 && Array.isArray(pixels) && Array.isArray(pixels[0]);
  return z.object({ pixels: isNested ? rows : flat });
}
