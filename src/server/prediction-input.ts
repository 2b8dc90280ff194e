import { z } from "zod";
import { UserError } from "../errors.ts";
import { describeIssues } from "../formats/json.ts";
import type { PreparationTarget } from "../imaging/prepare-image.ts";
import { HttpError, sentence } from "./errors.ts";

/**
 * The pixels of `{ "pixels": ... }`, ignoring other fields (of this server's test images, say): one list of channels x
 * height x width numbers, or, for a model of one channel, a list of rows; integers from 0 to 255, in the network's
 * format.
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

/** The schema of the form that the pixels seem to have. */
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

/** The form field of the picture. */
const FIELD = "image";

/** @throws HttpError 415 when this is not a type of pictures */
export function requirePictureType(type: string): void {
  if (type === "multipart/form-data" || type.startsWith("image/") || type === "application/octet-stream") return;
  throw new HttpError(
    415,
    "unsupported_media_type",
    `Send a picture as image/* or application/octet-stream, as the field "${FIELD}" of multipart/form-data, or pixels as application/json.`,
  );
}

/**
 * The picture file in a body: the body itself, or a form's field.
 *
 * @param type of the body, without parameters
 * @param contentType with them
 * @throws HttpError 400 when the form is malformed or has no such field
 */
export async function pictureFile(
  bytes: Uint8Array<ArrayBuffer>,
  { type, contentType }: { type: string; contentType: string },
): Promise<Uint8Array> {
  return type === "multipart/form-data" ? fileOfForm(bytes, contentType) : bytes;
}

async function fileOfForm(bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<Uint8Array> {
  const form = await new Response(bytes, { headers: { "content-type": contentType } }).formData().catch(() => {
    throw new HttpError(400, "broken_form", "The body is not whole multipart/form-data.");
  });
  const file = form.get(FIELD);
  if (file instanceof Blob) return new Uint8Array(await file.arrayBuffer());
  throw new HttpError(400, "no_image", `The form has no file in a field "${FIELD}".`);
}

/** Converts errors of `decodeImage` and `prepareImage` to responses. For bytes, they contain no paths. */
export function badImage(error: unknown): unknown {
  if (!(error instanceof UserError)) return error;
  return new HttpError(400, "bad_image", sentence(error.message));
}
