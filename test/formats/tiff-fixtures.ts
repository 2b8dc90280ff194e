/** What a TIFF's samples are, and how they are written. */
const KINDS = {
  uint8: { bits: 8, format: 1, write: (bytes: Buffer, value: number, at: number) => bytes.writeUInt8(value, at) },
  uint16: { bits: 16, format: 1, write: (bytes: Buffer, value: number, at: number) => bytes.writeUInt16LE(value, at) },
  uint32: { bits: 32, format: 1, write: (bytes: Buffer, value: number, at: number) => bytes.writeUInt32LE(value, at) },
  int8: { bits: 8, format: 2, write: (bytes: Buffer, value: number, at: number) => bytes.writeInt8(value, at) },
  int16: { bits: 16, format: 2, write: (bytes: Buffer, value: number, at: number) => bytes.writeInt16LE(value, at) },
  int32: { bits: 32, format: 2, write: (bytes: Buffer, value: number, at: number) => bytes.writeInt32LE(value, at) },
  float32: { bits: 32, format: 3, write: (bytes: Buffer, value: number, at: number) => bytes.writeFloatLE(value, at) },
  float64: { bits: 64, format: 3, write: (bytes: Buffer, value: number, at: number) => bytes.writeDoubleLE(value, at) },
} as const;
export type SampleKind = keyof typeof KINDS;

export interface TiffForm {
  readonly kind: SampleKind;
  readonly width: number;
  readonly height: number;
  /** 1: gray, 0 is black; 3: red, green and blue. */
  readonly channels: 1 | 3;
}

/** The bytes of an uncompressed TIFF file, its pixels last, written from the format's description. */
export function tiffBytes(
  { kind, width, height, channels }: TiffForm,
  valueAt: (x: number, y: number, channel: number) => number,
): Buffer {
  const { bits, format, write } = KINDS[kind];
  const tags = 10;
  const samples = width * height * channels;
  // Behind the directory: the bits and formats of each channel, too many for the directory itself, then the pixels.
  const listsAt = 8 + 2 + 12 * tags + 4;
  const pixelsAt = listsAt + 12;
  const bytes = Buffer.alloc(pixelsAt + (samples * bits) / 8);
  bytes.write("II*\0", 0, "latin1");
  bytes.writeUInt32LE(8, 4);
  bytes.writeUInt16LE(tags, 8);
  const [SHORT, LONG] = [3, 4];
  const list = (value: number, at: number) => {
    if (channels === 1) return value;
    for (let i = 0; i < 3; i++) bytes.writeUInt16LE(value, at + 2 * i);
    return at;
  };
  const entries = [
    [256, LONG, 1, width],
    [257, LONG, 1, height],
    [258, SHORT, channels, list(bits, listsAt)],
    [259, SHORT, 1, 1],
    [262, SHORT, 1, channels === 1 ? 1 : 2],
    [273, LONG, 1, pixelsAt],
    [277, SHORT, 1, channels],
    [278, LONG, 1, height],
    [279, LONG, 1, (samples * bits) / 8],
    [339, SHORT, channels, list(format, listsAt + 6)],
  ] as const;
  entries.forEach(([tag, type, count, value], i) => {
    const at = 10 + 12 * i;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(type, at + 2);
    bytes.writeUInt32LE(count, at + 4);
    bytes.writeUInt32LE(value, at + 8);
  });
  for (let i = 0; i < samples; i++) {
    const pixel = Math.floor(i / channels);
    write(bytes, valueAt(pixel % width, Math.floor(pixel / width), i % channels), pixelsAt + (i * bits) / 8);
  }
  return bytes;
}
