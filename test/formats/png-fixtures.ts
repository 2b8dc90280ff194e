import { crc32, deflateSync } from "node:zlib";

/** A gray PNG of zeros that claims a size; it has that many rows, or none. */
export function grayPng(width: number, height: number, { isEmpty = false } = {}): Uint8Array {
  const chunk = (type: string, data: Uint8Array) => {
    const all = Buffer.concat([Buffer.alloc(4), Buffer.from(type, "latin1"), data, Buffer.alloc(4)]);
    all.writeUInt32BE(data.length, 0);
    all.writeUInt32BE(crc32(all.subarray(4, -4)), all.length - 4);
    return all;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const rows = deflateSync(isEmpty ? new Uint8Array(0) : Buffer.alloc((width + 1) * height));
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", Buffer.alloc(0))]);
}
