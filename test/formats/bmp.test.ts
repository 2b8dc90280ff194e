import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { decodeImage, imageSize } from "../../src/formats/node/image-file.ts";
import { type BmpForm, bmpBytes, type Color } from "./bmp-fixtures.ts";

/** A width at which no row ends at a whole byte or at a multiple of four. */
const [WIDTH, HEIGHT] = [13, 9];

/** Upper part blue, lower part red and green: turning, mirroring and channels are seen. Exact in 5 bits, too. */
const flag = (x: number, y: number): Color => (y < 5 ? [0, 0, 255] : x < 6 ? [255, 0, 0] : [0, 255, 0]);
const twoColors = (_: number, y: number): Color => (y < 5 ? [0, 0, 255] : [255, 255, 0]);

const FORMS: Record<string, Omit<BmpForm, "width" | "height">> = {
  "1 bit": { bits: 1 },
  "4 bits": { bits: 4 },
  "8 bits": { bits: 8 },
  "24 bits": { bits: 24 },
  "32 bits": { bits: 32 },
  "32 bits with masks": { bits: 32, headerBytes: 108 },
  "1 bit, top row first": { bits: 1, isTopDown: true },
  "8 bits, top row first": { bits: 8, isTopDown: true },
  "24 bits, top row first": { bits: 24, isTopDown: true },
  "OS/2's header, 1 bit": { bits: 1, headerBytes: 12 },
  "OS/2's header, 24 bits": { bits: 24, headerBytes: 12 },
};

function bytesOf(form: string, size = { width: WIDTH, height: HEIGHT }): { bytes: Buffer; draw: typeof flag } {
  const draw = FORMS[form]!.bits === 1 ? twoColors : flag;
  return { bytes: bmpBytes({ ...size, ...FORMS[form]! }, draw), draw };
}

async function refusal(bytes: Uint8Array, options = {}): Promise<string> {
  const error: unknown = await decodeImage(bytes, "x.bmp", options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

describe.each(Object.keys(FORMS))("%s", (form) => {
  test("gives every pixel", async () => {
    const { bytes, draw } = bytesOf(form);
    const picture = await decodeImage(bytes, "x.bmp");
    const expected = Array.from({ length: WIDTH * HEIGHT }, (_, i) => draw(i % WIDTH, Math.floor(i / WIDTH))).flat();
    expect(picture).toMatchObject({ width: WIDTH, height: HEIGHT, channels: 4 });
    expect([...picture.data]).toEqual(expected.flatMap((value, i) => (i % 3 === 2 ? [value, 255] : [value])));
    expect(await imageSize(bytes, "x.bmp")).toEqual({ width: WIDTH, height: HEIGHT });
  });

  test("is refused when truncated anywhere in its pixels or header", async () => {
    // Rows of 32 bits per pixel have no padding that could be missing.
    const { bytes } = bytesOf(form, { width: 32, height: 9 });
    for (const length of [20, 30, Math.floor(bytes.length / 2), Math.floor(0.9 * bytes.length), bytes.length - 1]) {
      expect(await refusal(bytes.subarray(0, length))).toMatch(/^x\.bmp is damaged or cut short/);
    }
  });
});

test("a large BMP is shrunk like every picture", async () => {
  const bytes = bmpBytes({ width: 300, height: 100, bits: 24 }, () => [10, 20, 30]);
  const picture = await decodeImage(bytes, "x.bmp", { size: { edge: 50, of: "shorter" } });
  expect(picture).toMatchObject({ width: 150, height: 50 });
  expect([...picture.data.slice(0, 3)]).toEqual([10, 20, 30]);
});

test("alpha is used if any is not zero; a file whose alpha bytes are all zero is opaque", async () => {
  const form = { width: 2, height: 2, bits: 32, headerBytes: 108 } as const;
  const half = await decodeImage(
    bmpBytes(form, () => [10, 20, 30, 128]),
    "x.bmp",
  );
  expect(half.channels).toBe(4);
  expect([...half.data.slice(0, 4)]).toEqual([10, 20, 30, 128]);
  expect(
    (
      await decodeImage(
        bmpBytes(form, () => [10, 20, 30, 0]),
        "x.bmp",
      )
    ).data[3],
  ).toBe(255);
});

test.each([4, 8] as const)("run-length encoding of %i bits is refused, not misread", async (bits) => {
  const packed = bmpBytes({ width: 13, height: 9, bits, isPacked: true }, flag);
  expect(await refusal(packed)).toMatch(/a BMP of a rare kind \(packed rows, say\); save it as PNG$/);
});

test("refused: too many pixels, by the header alone; other kinds; an invalid header", async () => {
  const bytes = bmpBytes({ width: 4, height: 3, bits: 8, isPacked: true }, () => [0, 0, 0]);
  const changed = (at: number, value: number, size: 2 | 4 = 4) => {
    const copy = Buffer.from(bytes);
    if (size === 4) copy.writeInt32LE(value, at);
    else copy.writeUInt16LE(value, at);
    return copy;
  };
  const huge = changed(18, 2 ** 30);
  expect(await refusal(huge)).toBe("x.bmp has 1073741824 x 3 pixels; at most 134,217,728 are decoded, make it smaller");
  expect(await refusal(bytes, { mostPixels: 11 })).toMatch(/4 x 3 pixels; at most 11 are decoded/);
  expect(await refusal(changed(30, 4))).toMatch(/a BMP of a rare kind/);
  expect(await refusal(changed(28, 7, 2))).toMatch(/a BMP of a rare kind/);
  expect(await refusal(changed(18, -4))).toMatch(/^x\.bmp is damaged/);
  expect(await refusal(changed(22, 0))).toMatch(/^x\.bmp is damaged/);
  expect(await refusal(Buffer.from("BMX racing is a sport on wheels"))).toMatch(/^x\.bmp is not an image/);
});

test("a file with any changed bytes is decoded or refused", async () => {
  let state = 7;
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  const files = Object.keys(FORMS).map((form) => bytesOf(form).bytes);
  const outcomes = { decoded: 0, refused: 0 };
  for (let i = 0; i < 1500; i++) {
    const bytes = Buffer.from(files[i % files.length]!);
    for (let k = 0; k < 3; k++) bytes[2 + random(Math.min(bytes.length, 140) - 2)] = random(256);
    await decodeImage(bytes, "x.bmp", { mostPixels: 1e5 }).then(
      () => outcomes.decoded++,
      (error: unknown) => {
        expect(error).toBeInstanceOf(UserError);
        outcomes.refused++;
      },
    );
  }
  expect(Math.min(outcomes.decoded, outcomes.refused)).toBeGreaterThan(100);
});
