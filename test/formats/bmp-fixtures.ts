/** Red, green and blue of a pixel, and its alpha if the file has one; 0 to 255. */
export type Color = readonly [number, number, number, number?];

export interface BmpForm {
  readonly width: number;
  readonly height: number;
  /** Bits a pixel. Up to 8, colours come from a table. */
  readonly bits: 1 | 4 | 8 | 16 | 24 | 32;
  /** Rows from the top down, rather than from the bottom up. */
  readonly isTopDown?: boolean;
  /** Runs of equal pixels packed (RLE8 and RLE4). */
  readonly isPacked?: boolean;
  /** 12: OS/2's, 40: that of most files, 108: with masks, the opacity's among them. */
  readonly headerBytes?: 12 | 40 | 108;
}

/** The bytes of a BMP file, written according to the format's description. 16 bits per pixel have 5 bits per colour. */
export function bmpBytes(form: BmpForm, colorAt: (x: number, y: number) => Color): Buffer {
  const { width, height, bits, isTopDown = false, isPacked = false, headerBytes = 40 } = form;
  const table: Color[] = [];
  const indexOf = (color: Color) => {
    const known = table.findIndex((other) => other.join() === color.join());
    return known >= 0 ? known : table.push(color) - 1;
  };
  const rows = Array.from({ length: height }, (_, row) => {
    const y = isTopDown ? row : height - 1 - row;
    const colors = Array.from({ length: width }, (_, x) => colorAt(x, y));
    if (bits > 8) return padded(colors.flatMap((color) => pixelBytes(color, bits)));
    const indices = colors.map(indexOf);
    return isPacked ? packedRow(indices, bits) : padded(packBits(indices, bits));
  });
  const pixels = Buffer.from(isPacked ? [...rows.flat(), 0, 1] : rows.flat());
  const entries = bits > 8 ? 0 : 2 ** bits;
  const entryBytes = headerBytes === 12 ? 3 : 4;
  const colors = Buffer.alloc(entries * entryBytes);
  table.forEach(([red, green, blue], i) => {
    colors.set([blue, green, red], i * entryBytes);
  });
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(headerBytes, 0);
  if (headerBytes === 12) {
    [width, height, 1, bits].forEach((value, i) => {
      header.writeUInt16LE(value, 4 + 2 * i);
    });
  } else {
    header.writeInt32LE(width, 4);
    header.writeInt32LE(isTopDown ? -height : height, 8);
    header.writeUInt16LE(1, 12);
    header.writeUInt16LE(bits, 14);
    header.writeUInt32LE(isPacked ? (bits === 8 ? 1 : 2) : headerBytes === 108 ? 3 : 0, 16);
    header.writeUInt32LE(pixels.length, 20);
    header.writeUInt32LE(entries, 32);
  }
  if (headerBytes === 108) {
    [0xff0000, 0xff00, 0xff, 0xff000000].forEach((mask, i) => {
      header.writeUInt32LE(mask, 40 + 4 * i);
    });
  }
  const head = Buffer.alloc(14);
  head.write("BM");
  const offset = head.length + header.length + colors.length;
  head.writeUInt32LE(offset + pixels.length, 2);
  head.writeUInt32LE(offset, 10);
  return Buffer.concat([head, header, colors, pixels]);
}

function pixelBytes([red, green, blue, alpha = 0]: Color, bits: number): number[] {
  if (bits === 24) return [blue, green, red];
  if (bits === 32) return [blue, green, red, alpha];
  const value = ((red >> 3) << 10) | ((green >> 3) << 5) | (blue >> 3);
  return [value & 0xff, value >> 8];
}

function packBits(indices: readonly number[], bits: number): number[] {
  const each = 8 / bits;
  return Array.from({ length: Math.ceil(indices.length / each) }, (_, i) =>
    Array.from({ length: each }, (_, j) => (indices[i * each + j] ?? 0) << (8 - bits * (j + 1))).reduce(
      (a, b) => a | b,
    ),
  );
}

/** Rows begin at multiples of 4 bytes. */
function padded(row: number[]): number[] {
  return [...row, ...Array<number>((4 - (row.length % 4)) % 4).fill(0)];
}

/** Pairs of count and value, and the end of the row. */
function packedRow(indices: readonly number[], bits: number): number[] {
  const bytes: number[] = [];
  for (let start = 0; start < indices.length; ) {
    const value = indices[start]!;
    let end = start;
    while (end < indices.length && end - start < 255 && indices[end] === value) end++;
    bytes.push(end - start, bits === 8 ? value : (value << 4) | value);
    start = end;
  }
  return [...bytes, 0, 0];
}
