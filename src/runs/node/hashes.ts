import { createHash } from "node:crypto";
import { UserError } from "../../errors.ts";
import { encodeSafetensors, littleEndianBytes, type NamedTensor } from "../../formats/safetensors.ts";
import type { ImageTask, Model } from "../../nn/model.ts";
import { networkText } from "../../nn/network-text.ts";
import { type AnyRunRecord, formatRunRecord } from "../run-record.ts";

/**
 * One fingerprint for all weights of a model: SHA-256 over the float32 bytes, little-endian and row-major, of the tensors
 * in the given order, which by convention is PyTorch's `state_dict` order. Names and shapes are not part of it, so
 * `hashlib.sha256(b"".join(t.numpy().tobytes() for t in model.state_dict().values()))` gives the same for float32 tensors.
 *
 * @returns 64 lower-case hexadecimal digits
 */
export function weightsSha256(tensors: readonly NamedTensor[]): string {
  const hash = createHash("sha256");
  for (const { data } of tensors) hash.update(littleEndianBytes(data));
  return hash.digest("hex");
}

/**
 * One fingerprint for what a model computes: SHA-256 of `networkText`.
 *
 * @returns 64 lower-case hexadecimal digits
 * @throws ShapeError when the layers do not fit each other or the images
 */
export function networkSha256(model: Model, task: ImageTask): string {
  return createHash("sha256").update(networkText(model, task)).digest("hex");
}

/** A file's name, size and SHA-256, as a run's record has them of its files. */
export interface FileSum {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** @param content text as UTF-8 */
export function fileSum(name: string, content: Uint8Array | string): FileSum {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return { name, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/**
 * A file that must be recognisable as whole without its run's record has its own SHA-256 among its metadata: that of all its
 * bytes, with zeros where the sum's digits are. `BLANK_SEAL` is written as metadata, then `seal` fills in the digits.
 */
const SEAL_FIELD = "fileSha256";
const BLANK = "0".repeat(64);
export const BLANK_SEAL: Readonly<Record<string, string>> = { [SEAL_FIELD]: BLANK };

/** How a format writes the field before its value. */
const SEAL_START = {
  /** JSON, at the start of the file. */
  safetensors: `"${SEAL_FIELD}":"`,
  /** A field of a Protocol Buffers message (number 2, 64 bytes), after the graph. */
  onnx: `${SEAL_FIELD}\x12\x40`,
  /** The last field of indented JSON. */
  record: `"${SEAL_FIELD}": "`,
} as const;
type SealedFormat = keyof typeof SEAL_START;

/** Fills in a file's own checksum, in place. @returns the same bytes @throws Error when they have no place for it */
export function seal(bytes: Uint8Array, format: SealedFormat): Uint8Array {
  const at = sealPlace(bytes, format);
  if (at === undefined) throw new Error(`no field ${SEAL_FIELD} to seal`);
  asBuffer(bytes).write(sumWithout(bytes, at), at, "latin1");
  return bytes;
}

/** The bytes of a safetensors file that has its own checksum. */
export function sealedSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  return seal(encodeSafetensors(tensors, { ...BLANK_SEAL, ...metadata }), "safetensors");
}

/** The bytes of a `run.json` that has its own checksum, besides the record. @throws RangeError as `formatRunRecord` does */
export function sealedRecord(record: AnyRunRecord): Uint8Array {
  const text = formatRunRecord(record).replace(/\n\}\n$/, `,\n  ${SEAL_START.record}${BLANK}"\n}\n`);
  return seal(new TextEncoder().encode(text), "record");
}

/**
 * Checks a file against its own checksum.
 *
 * @param fileName for the error message
 * @returns whether it has one: files of older versions and of other programs do not
 * @throws UserError when it does not match
 */
export function checkSeal(bytes: Uint8Array, format: SealedFormat, fileName: string): boolean {
  const at = sealPlace(bytes, format);
  if (at === undefined) return false;
  const stated = asBuffer(bytes).toString("latin1", at, at + BLANK.length);
  const found = sumWithout(bytes, at);
  if (stated === found) return true;
  throw new UserError(
    `${fileName} is damaged: its SHA-256 is ${found}, its field ${SEAL_FIELD} says ${stated}; restore the file from a copy, or make it again (if another program changed it on purpose, remove that field)`,
  );
}

function sealPlace(bytes: Uint8Array, format: SealedFormat): number | undefined {
  const start = Buffer.from(SEAL_START[format], "latin1");
  const found = format === "safetensors" ? asBuffer(bytes).indexOf(start) : asBuffer(bytes).lastIndexOf(start);
  const at = found + start.length;
  return found < 0 || at + BLANK.length > bytes.length ? undefined : at;
}

function sumWithout(bytes: Uint8Array, at: number): string {
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + BLANK.length)];
  return createHash("sha256").update(before).update(BLANK).update(after).digest("hex");
}

/** The same memory. */
function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
