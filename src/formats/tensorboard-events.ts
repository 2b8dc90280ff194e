/**
 * TensorBoard's event files: a TFRecord file of `Event` messages. A record, from TensorFlow's published description
 * (core/lib/io/record_writer.h):
 *
 *     8 bytes   N, the data's length, an unsigned little-endian integer
 *     4 bytes   masked CRC-32C of those 8 bytes
 *     N bytes   the data: a message
 *     4 bytes   masked CRC-32C of the data
 *
 * The first event is the file's version. The file of a resumed run then has a session start: TensorBoard discards
 * events of earlier files from that step on.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { crc32c } from "./crc32c.ts";
import { EventSchema } from "./generated/tensorboard_pb.ts";

const FILE_VERSION = "brain.Event:2";
/** `SessionLog.SessionStatus`. */
const SESSION_START = 1;
const LENGTH_BYTES = 8;
const CRC_BYTES = 4;
/** From TensorFlow's core/lib/hash/crc32c.h: a CRC of data that contains CRCs is weak without masking. */
const MASK_DELTA = 0xa282ead8;

/** Scalar values by their tags, at one step. */
export interface ScalarsAtStep {
  readonly step: number;
  readonly scalars: Readonly<Record<string, number>>;
}

/**
 * The first bytes of every file.
 *
 * @param wallTime seconds since 1970
 * @param restartStep for a resumed run: the first step of the new file
 */
export function fileStart(wallTime: number, restartStep?: number): Uint8Array {
  const version = record({ wallTime, what: { case: "fileVersion", value: FILE_VERSION } });
  if (restartStep === undefined) return version;
  const start = { case: "sessionLog", value: { status: SESSION_START } } as const;
  return joined([version, record({ wallTime, step: BigInt(restartStep), what: start })]);
}

/** One event with all values of a step, rounded to float32. */
export function scalarEvent(wallTime: number, { step, scalars }: ScalarsAtStep): Uint8Array {
  const value = Object.entries(scalars).map(([tag, scalar]) => ({
    tag,
    value: { case: "simpleValue" as const, value: scalar },
  }));
  return record({ wallTime, step: BigInt(step), what: { case: "summary", value: { value } } });
}

function record(event: MessageInitShape<typeof EventSchema>): Uint8Array {
  const data = toBinary(EventSchema, create(EventSchema, event));
  const length = new Uint8Array(LENGTH_BYTES);
  new DataView(length.buffer).setBigUint64(0, BigInt(data.length), true);
  return joined([length, maskedCrc(length), data, maskedCrc(data)]);
}

/** The CRC rotated right by 15 bits, plus a constant. */
function maskedCrc(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes);
  const masked = new Uint8Array(CRC_BYTES);
  new DataView(masked.buffer).setUint32(0, ((crc >>> 15) | (crc << 17)) + MASK_DELTA, true);
  return masked;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}
