/**
 * Reads TensorBoard's event files by their published layout, sharing nothing with the writer: TFRecord framing with
 * masked CRC-32C (bit by bit, without a table), protobuf wire format, field numbers of event.proto and summary.proto.
 */
export interface ReadEvent {
  readonly wallTime: number;
  readonly step: number;
  readonly fileVersion?: string;
  readonly scalars?: Record<string, number>;
  readonly sessionStatus?: number;
}

type Field = { readonly number: number; readonly value: number | Uint8Array };

/** @throws Error when a checksum, a length or a field is not as published */
export function readEvents(file: Uint8Array): ReadEvent[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const events: ReadEvent[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true));
    check(view.getUint32(at + 8, true), file.subarray(at, at + 8));
    const data = file.subarray(at + 12, at + 12 + length);
    check(view.getUint32(at + 12 + length, true), data);
    events.push(readEvent(data));
    at += 16 + length;
  }
  return events;
}

function check(stored: number, bytes: Uint8Array): void {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = ((crc ^ (byte >> bit)) & 1) === 1;
      crc = isOdd ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
  }
  const value = BigInt((crc ^ 0xffffffff) >>> 0);
  const rotated = ((value >> 15n) | (value << 17n)) & 0xffffffffn;
  if (BigInt(stored) !== ((rotated + 0xa282ead8n) & 0xffffffffn)) throw new Error("the checksum is another");
}

function readEvent(data: Uint8Array): ReadEvent {
  const event: { -readonly [Key in keyof ReadEvent]: ReadEvent[Key] } = { wallTime: 0, step: 0 };
  for (const { number, value } of fieldsOf(data)) {
    if (number === 1) event.wallTime = double(value);
    else if (number === 2) event.step = integer(value);
    else if (number === 3) event.fileVersion = text(value);
    else if (number === 5) event.scalars = readSummary(bytes(value));
    else if (number === 7)
      event.sessionStatus = integer(fieldsOf(bytes(value)).find((field) => field.number === 1)!.value);
    else throw new Error(`Event has no field ${number} here`);
  }
  return event;
}

function readSummary(data: Uint8Array): Record<string, number> {
  const entries = fieldsOf(data).map(({ number, value }) => {
    if (number !== 1) throw new Error(`Summary has no field ${number}`);
    const [tag, scalar, ...others] = fieldsOf(bytes(value));
    if (tag?.number !== 1 || scalar?.number !== 2 || others.length > 0) throw new Error("Value is a tag and a scalar");
    return [text(tag.value), float(scalar.value)] as const;
  });
  return Object.fromEntries(entries);
}

/** Wire types: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes. */
function fieldsOf(data: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = data[at++];
      if (byte === undefined) throw new Error("cut off");
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const take = (length: number) => {
    if (at + length > data.length) throw new Error("cut off");
    at += length;
    return data.subarray(at - length, at);
  };
  while (at < data.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const wireType = key % 8;
    if (wireType === 0) fields.push({ number, value: varint() });
    else if (wireType === 1) fields.push({ number, value: take(8) });
    else if (wireType === 2) fields.push({ number, value: take(varint()) });
    else if (wireType === 5) fields.push({ number, value: take(4) });
    else throw new Error(`wire type ${wireType}`);
  }
  return fields;
}

function bytes(value: Field["value"]): Uint8Array {
  if (typeof value === "number") throw new Error("expected bytes, found a number");
  return value;
}

function integer(value: Field["value"]): number {
  if (typeof value !== "number") throw new Error("expected a varint, found bytes");
  return value;
}

const viewOf = (value: Field["value"]) =>
  new DataView(bytes(value).buffer, bytes(value).byteOffset, bytes(value).length);
const double = (value: Field["value"]) => viewOf(value).getFloat64(0, true);
const float = (value: Field["value"]) => viewOf(value).getFloat32(0, true);
const text = (value: Field["value"]) => new TextDecoder("utf-8", { fatal: true }).decode(bytes(value));
