import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { parseIdx } from "../../src/formats/idx.ts";
import { readIdxFile } from "../../src/formats/node/idx-file.ts";
import { idxBytes, temporaryFolder } from "../data/fixtures.ts";

describe("parseIdx", () => {
  test("a file of images written by hand gives its sizes, big-endian, and its bytes in order", () => {
    const bytes = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 10, 11, 12, 250, 251, 252);
    const { shape, data } = parseIdx(bytes, "images");
    expect(shape).toEqual([2, 1, 3]);
    expect([...data]).toEqual([10, 11, 12, 250, 251, 252]);
  });

  test("sizes above 255 and bytes that start inside a larger buffer are read correctly", () => {
    const content = idxBytes([300], new Uint8Array(300).fill(9));
    const inside = new Uint8Array(content.length + 5);
    inside.set(content, 5);
    const { shape, data } = parseIdx(inside.subarray(5), "labels");
    expect(shape).toEqual([300]);
    expect(data.every((value) => value === 9)).toBe(true);
  });

  test("every array of bytes of rank 1 to 5 is read as it was written", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }), fc.nat(), (shape, salt) => {
        const elements = shape.reduce((product, size) => product * size, 1);
        const data = Uint8Array.from({ length: elements }, (_, i) => i * 31 + salt);
        expect(parseIdx(idxBytes(shape, data), "any")).toEqual({ shape, data });
      }),
    );
  });

  test("a file truncated anywhere is refused by name", () => {
    const whole = idxBytes([3, 4, 5], new Uint8Array(60));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), (length) => {
        expect(() => parseIdx(whole.subarray(0, length), "cut.idx")).toThrow(/^cut\.idx is not a usable IDX file/);
      }),
    );
  });

  test("arbitrary bytes throw nothing but a UserError", () => {
    const headed = fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 1 }), fc.uint8Array({ maxLength: 40 }))
      .map(([rank, rest]) => Uint8Array.of(0, 0, 8, rank[0]! % 6, ...rest));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), headed), (bytes) => {
        try {
          const { shape, data } = parseIdx(bytes, "any");
          expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });

  test.each([
    ["an empty file", new Uint8Array(0), "expected at least 4 bytes; found 0"],
    [
      "a magic number that is none",
      Uint8Array.of(1, 2, 3, 4, 5),
      "expected the magic number 0x00000801 (labels) or 0x00000803 (images); found 0x01020304",
    ],
    ["a byte-swapped magic number", Uint8Array.of(3, 8, 0, 0, 0), "found 0x03080000"],
    ["rank 0", Uint8Array.of(0, 0, 8, 0), "expected a rank of 1 and up; found rank 0"],
    ["float32 elements", idxBytes([1], [0, 0, 0, 0], 0x0d), "expected elements of type uint8 (0x08); found float32"],
    ["an unknown type", idxBytes([1], [0], 0x42), "found an unknown type in 0x00004201"],
    [
      "a header cut short",
      Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1),
      "expected a header of 16 bytes for rank 3; found 8 bytes in all",
    ],
    ["a size of 0", idxBytes([2, 0, 3], []), "expected sizes of 1 and up; found [2, 0, 3]"],
    [
      "one byte too few",
      idxBytes([2, 3], [1, 2, 3, 4, 5]),
      "expected 6 bytes of data as its header says, [2, 3]; found 5 (cut short?)",
    ],
    [
      "one byte too many",
      idxBytes([2, 3], [1, 2, 3, 4, 5, 6, 7]),
      "expected 6 bytes of data as its header says, [2, 3]; found 7",
    ],
    ["absurd sizes", idxBytes([0xffffffff, 0xffffffff, 0xffffffff], [1]), "expected more than 2^53 bytes of data"],
    // 2^16 x 2^16 is 0 modulo 2^32: 32-bit arithmetic would accept the empty data.
    ["sizes whose product wraps around 32 bits", idxBytes([65536, 65536], []), "expected 4,294,967,296 bytes"],
    ["gzip data under the wrong name", gzipSync(Uint8Array.of(1)), "found gzip data: give the file the ending .gz"],
  ])("%s is refused with expected and found values", (_, bytes, message) => {
    expect(() => parseIdx(new Uint8Array(bytes), "folder/file.idx")).toThrow(UserError);
    expect(() => parseIdx(new Uint8Array(bytes), "folder/file.idx")).toThrow(
      "folder/file.idx is not a usable IDX file: ",
    );
    expect(() => parseIdx(new Uint8Array(bytes), "folder/file.idx")).toThrow(message);
  });
});

describe("readIdxFile", () => {
  const content = idxBytes(
    [200, 30],
    Uint8Array.from({ length: 6000 }, (_, i) => (i * i) % 251),
  );

  test("an uncompressed and a compressed file give the same array and bytes", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "plain"), content);
    await writeFile(join(folder, "packed.gz"), gzipSync(content));
    const plain = await readIdxFile(join(folder, "plain"));
    const packed = await readIdxFile(join(folder, "packed"));
    expect(plain.path).toBe(join(folder, "plain"));
    expect(packed.path).toBe(join(folder, "packed.gz"));
    for (const { shape, data, bytes } of [plain, packed]) {
      expect(shape).toEqual([200, 30]);
      expect(data).toEqual(content.subarray(12));
      expect(bytes).toEqual(content);
    }
  });

  test("if both exist the uncompressed file is read", async () => {
    const path = join(await temporaryFolder(), "file");
    await writeFile(path, content);
    await writeFile(`${path}.gz`, "no gzip at all");
    expect((await readIdxFile(path)).path).toBe(path);
  });

  test("a compressed file truncated anywhere is refused by name, with what to do", async () => {
    const path = join(await temporaryFolder(), "file");
    const packed = gzipSync(content);
    for (const length of [0, 1, 5, 10, 11, Math.floor(packed.length / 2), packed.length - 8, packed.length - 1]) {
      await writeFile(`${path}.gz`, packed.subarray(0, length));
      const message = length === 0 ? /file\.gz/ : /file\.gz is cut short \(gzip: .*\)\. Fetch it again, or remove it/;
      await expect(readIdxFile(path), `${length} bytes`).rejects.toThrow(message);
      await expect(readIdxFile(path), `${length} bytes`).rejects.toThrow(UserError);
    }
  });

  test("a compressed file with one byte changed is refused by name", async () => {
    const path = join(await temporaryFolder(), "file");
    const packed = gzipSync(content);
    for (const at of [0, 1, 20, Math.floor(packed.length / 2), packed.length - 6, packed.length - 2]) {
      const damaged = Buffer.from(packed);
      damaged[at]! ^= 0xff;
      await writeFile(`${path}.gz`, damaged);
      await expect(readIdxFile(path), `byte ${at}`).rejects.toThrow(/file\.gz is (corrupt|cut short)/);
    }
  });

  test("a compressed file that decompresses to more than the limit is refused, one of exactly the limit is not", async () => {
    const path = join(await temporaryFolder(), "file");
    await writeFile(`${path}.gz`, gzipSync(content));
    await expect(readIdxFile(path, { maxBytes: content.length - 1 })).rejects.toThrow(
      /file\.gz is larger than the 6,011 bytes/,
    );
    expect((await readIdxFile(path, { maxBytes: content.length })).shape).toEqual([200, 30]);
  });

  test("an uncompressed file over the limit is refused", async () => {
    const path = join(await temporaryFolder(), "file");
    await writeFile(path, content);
    await expect(readIdxFile(path, { maxBytes: content.length - 1 })).rejects.toThrow(
      /file is larger than the 6,011 bytes/,
    );
  });

  test("a missing file is refused under both its names; a folder in its place is a UserError too", async () => {
    const folder = await temporaryFolder();
    await expect(readIdxFile(join(folder, "none"))).rejects.toThrow(/^Neither .*none nor .*none\.gz exists$/);
    await expect(readIdxFile(folder)).rejects.toThrow(/cannot be read \(EISDIR\)/);
    await expect(readIdxFile(folder)).rejects.toThrow(UserError);
  });
});
