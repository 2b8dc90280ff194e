/**
 * safetensors: a file of named tensors that many frameworks read; PyTorch with `safetensors.torch`.
 *
 * Layout, from the format's published description (huggingface/safetensors, README, "Format"):
 *
 *     8 bytes   N, the header's length, an unsigned little-endian integer
 *     N bytes   UTF-8 JSON that begins with "{" and may end in spaces:
 *               {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
 *     the rest  the tensors' bytes, row-major and little-endian; offsets count from the end of the header, and the
 *               tensors cover this part exactly, without holes or overlaps
 *
 * tailor writes float32 only, and by default reads nothing else. Files are untrusted: every number is validated before
 * it is used.
 */
import { UserError } from "../errors.ts";
import { jsonKeys, quote } from "./json.ts";
import { type ElementType, FLOAT32_ONLY } from "./safetensors-dtypes.ts";

/** A float32 tensor, row-major: `data.length` is the product of `shape`; `[]` is the shape of a scalar. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Content of a file: the tensors in the order of its header, and its metadata. */
export interface Safetensors {
  readonly tensors: NamedTensor[];
  readonly metadata: Record<string, string>;
}

const METADATA_KEY = "__metadata__";
const LENGTH_BYTES = 8;
const FLOAT32_BYTES = 4;
/** The same limit as in the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;

/** A copy of the values' bytes in little-endian order on every host; every bit is preserved, including NaN payloads. */
export function littleEndianBytes(data: Float32Array): Uint8Array {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const view = new DataView(new ArrayBuffer(data.byteLength));
  for (let i = 0; i < words.length; i++) view.setUint32(i * FLOAT32_BYTES, words[i]!, true);
  return new Uint8Array(view.buffer);
}

/**
 * Encodes `tensors` as a safetensors file, in the given order.
 *
 * @throws RangeError when a name occurs twice, is reserved or is not valid Unicode, or a shape does not match its data
 */
export function encodeSafetensors(tensors: readonly NamedTensor[], metadata: Record<string, string> = {}): Uint8Array {
  // Members are joined as text: an object would lose "__proto__" and move names like "10" to the front.
  const members = Object.keys(metadata).length === 0 ? [] : [`"${METADATA_KEY}":${JSON.stringify(metadata)}`];
  const names = new Set([METADATA_KEY]);
  let dataBytes = 0;
  for (const { name, shape, data } of tensors) {
    const problem = names.has(name)
      ? "the name is taken"
      : /\p{Surrogate}/u.test(name)
        ? "the name holds half of a surrogate pair"
        : !isShape(shape) || elementCount(shape) !== data.length
          ? `shape [${shape.join(", ")}] does not fit ${data.length} values`
          : null;
    if (problem !== null) throw new RangeError(`safetensors: tensor ${quote(name)}: ${problem}`);
    names.add(name);
    const end = dataBytes + data.byteLength;
    const fields = JSON.stringify({ dtype: "F32", shape, data_offsets: [dataBytes, end] });
    members.push(`${JSON.stringify(name)}:${fields}`);
    dataBytes = end;
  }
  const json = new TextEncoder().encode(`{${members.join(",")}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(LENGTH_BYTES + headerBytes + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, LENGTH_BYTES);
  file.fill(0x20, LENGTH_BYTES + json.length, LENGTH_BYTES + headerBytes);
  let position = LENGTH_BYTES + headerBytes;
  for (const { data } of tensors) {
    file.set(littleEndianBytes(data), position);
    position += data.byteLength;
  }
  return file;
}

/** Options for reading files of other programs. */
export interface DecodeOptions {
  /** Element types by their names in the format; those without `read` are allowed in skipped tensors only. */
  readonly types?: ReadonlyMap<string, ElementType>;
  /** Selects tensors that are validated but not returned. */
  readonly skip?: (name: string) => boolean;
}

/**
 * Decodes a safetensors file. The tensors are copies, so `bytes` may be reused; offsets need no alignment.
 *
 * @param fileName for error messages
 * @throws UserError when the file is malformed or inconsistent, or a tensor has an unsupported type
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  fileName: string,
  { types = FLOAT32_ONLY, skip = () => false }: DecodeOptions = {},
): Safetensors {
  const { header, keys, dataStart } = readHeader(bytes, fileName);
  const dataBytes = bytes.length - dataStart;
  const entries = keys
    .filter((key) => key !== METADATA_KEY)
    .map((name) => readEntry(name, header[name], { dataBytes, fileName, types, isSkipped: skip(name) }));

  let covered = 0;
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) {
      const what = begin < covered ? "overlaps the one before" : "leaves a hole before it";
      throw damaged(fileName, `tensor ${quote(name)} ${what}: expected data from ${covered} on, found it at ${begin}`);
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    throw damaged(fileName, `expected ${covered} bytes of tensor data after the header, found ${dataBytes}`);
  }

  const view = new DataView(bytes.buffer, bytes.byteOffset + dataStart, dataBytes);
  const tensors = entries.flatMap(({ name, shape, begin, end, type }) =>
    type.read && !skip(name) ? [{ name, shape, data: type.read(view, begin, (end - begin) / type.bytes) }] : [],
  );
  return { tensors, metadata: readMetadata(header[METADATA_KEY], fileName) };
}

/** The header as an object, its keys in written order, and the offset of the data. */
function readHeader(bytes: Uint8Array, fileName: string) {
  if (bytes.length < LENGTH_BYTES) {
    throw damaged(fileName, `expected at least ${LENGTH_BYTES} bytes, found ${bytes.length}`);
  }
  const headerBytes = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(0, true);
  if (headerBytes > MAX_HEADER_BYTES) {
    throw damaged(fileName, `expected a header of at most ${MAX_HEADER_BYTES} bytes, found a length of ${headerBytes}`);
  }
  const dataStart = LENGTH_BYTES + Number(headerBytes);
  if (dataStart > bytes.length) {
    const rest = bytes.length - LENGTH_BYTES;
    throw damaged(fileName, `expected a header of ${headerBytes} bytes as its length says, found only ${rest} bytes`);
  }
  let json: string;
  let header: unknown;
  try {
    json = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(LENGTH_BYTES, dataStart));
    header = JSON.parse(json);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw damaged(fileName, `expected a header of UTF-8 JSON, found something else (${quote(reason)})`, cause);
  }
  if (!json.startsWith("{") || !isObject(header)) {
    throw damaged(fileName, `expected a header that begins with "{", found ${quote(json)}`);
  }
  const { keys, repeated } = jsonKeys(json);
  if (repeated !== null) throw damaged(fileName, `expected every name once, found ${quote(repeated)} twice`);
  return { header, keys, dataStart };
}

/** One tensor's shape and byte range, validated against each other and the size of the data. */
function readEntry(
  name: string,
  entry: unknown,
  {
    dataBytes,
    fileName,
    types,
    isSkipped,
  }: { dataBytes: number; fileName: string; types: ReadonlyMap<string, ElementType>; isSkipped: boolean },
) {
  const refuse = (expected: string, found: unknown, advice?: string) =>
    damaged(fileName, `tensor ${quote(name)}: expected ${expected}, found ${quote(found)}`, undefined, advice);
  if (!isObject(entry)) throw refuse("an object with dtype, shape and data_offsets", entry);
  const { dtype, shape, data_offsets: offsets } = entry;
  const type = typeof dtype === "string" ? types.get(dtype) : undefined;
  if (!type || !(type.read || isSkipped)) {
    const readable = [...types].flatMap(([known, { read }]) => (read ? [quote(known)] : []));
    throw refuse(
      `dtype ${readable.join(" or ")}`,
      dtype,
      "tailor reads floats only: convert the tensor to float32 and save again",
    );
  }
  if (!isShape(shape)) throw refuse("a shape of whole numbers from 0 up", shape);
  if (!isShape(offsets) || offsets.length !== 2) throw refuse("data_offsets of two whole numbers from 0 up", offsets);
  const [begin, end] = [offsets[0]!, offsets[1]!];
  if (begin > end || end > dataBytes) {
    throw refuse(`data_offsets in order and within the ${dataBytes} bytes of data`, offsets);
  }
  const size = elementCount(shape) * type.bytes;
  if (size !== end - begin) {
    throw refuse(`data_offsets ${size} bytes apart for shape [${shape.join(", ")}] of ${dtype}`, offsets);
  }
  return { name, shape, begin, end, type };
}

function readMetadata(metadata: unknown, fileName: string): Record<string, string> {
  if (metadata === undefined) return {};
  if (!isObject(metadata)) throw damaged(fileName, `${METADATA_KEY}: expected an object, found ${quote(metadata)}`);
  const fields = Object.entries(metadata).map(([key, value]): [string, string] => {
    if (typeof value === "string") return [key, value];
    throw damaged(fileName, `${METADATA_KEY}: expected text under ${quote(key)}, found ${quote(value)}`);
  });
  return Object.fromEntries(fields);
}

function damaged(fileName: string, problem: string, cause?: unknown, advice?: string): UserError {
  const todo = advice ?? "the file is damaged or no safetensors file: copy or make it again";
  return new UserError(`${fileName}: ${problem}; ${todo}`, { cause });
}

const elementCount = (shape: readonly number[]): number =>
  shape.includes(0) ? 0 : shape.reduce((count, size) => count * size, 1);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isShape = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
