import { openSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { grayRows } from "../../src/data/gray-images.ts";
import { createRowStore, fileStore, memoryBound } from "../../src/data/node/row-store.ts";
import {
  bytesOf,
  inRowParts,
  joinRows,
  MAX_READ_BYTES,
  memoryRows,
  type Rows,
  selectRows,
} from "../../src/data/rows.ts";
import { allRows } from "../support/all-rows.ts";
import { temporaryFolder } from "./fixtures.ts";

const [COUNT, SIZE] = [7, 3];
/** Row i is 10 i, 10 i + 1, 10 i + 2. */
const rowAt = (i: number) => Array.from({ length: SIZE }, (_, k) => 10 * i + k);
const VALUES = Uint8Array.from(Array.from({ length: COUNT }, (_, i) => rowAt(i)).flat());

const CACHE = { inMemory: {}, inFile: { TAILOR_PICTURE_MEMORY: "0" } };

/** A store in the memory or in a file, in a cache folder of its own. */
async function storeOf<Values extends Uint8Array | Float32Array = Uint8Array>(
  kind: keyof typeof CACHE,
  dtype: Rows<Values>["dtype"],
  count = COUNT,
) {
  const folder = await temporaryFolder();
  const environment = { TAILOR_CACHE: folder, ...CACHE[kind] };
  const store = await createRowStore<Values>({ dtype, count, size: SIZE, what: "the rows" }, environment);
  return { store, folder };
}

describe.each(["inMemory", "inFile"] as const)("rows %s", (kind) => {
  const numbers = async (): Promise<Rows> => {
    const { store } = await storeOf(kind, "uint8");
    // Not in order, one or more at a time.
    store.write(4, VALUES.subarray(4 * SIZE));
    store.write(0, VALUES.slice(0, SIZE));
    store.write(1, VALUES.subarray(SIZE, 4 * SIZE));
    return store.rows();
  };

  test("are read by ranges", async () => {
    const rows = await numbers();
    expect(rows).toMatchObject({ dtype: "uint8", count: COUNT, size: SIZE });
    for (const [start, end] of [
      [0, COUNT],
      [2, 3],
      [5, 7],
      [3, 3],
    ] as const) {
      expect([...rows.read(start, end)]).toEqual([...VALUES.subarray(start * SIZE, end * SIZE)]);
    }
    for (const [start, end] of [
      [-1, 1],
      [6, 8],
      [3, 2],
      [0.5, 2],
    ] as const) {
      expect(() => rows.read(start, end)).toThrow(RangeError);
    }
  });

  test("that were not written are zero", async () => {
    const { store } = await storeOf(kind, "uint8");
    store.write(6, VALUES.subarray(0, SIZE));
    expect([...allRows(store.rows())]).toEqual([...new Array<number>(6 * SIZE).fill(0), ...rowAt(0)]);
  });

  test("are selected by indices, again and again, joined, and made gray", async () => {
    const rows = await numbers();
    const chosen = selectRows(rows, Uint32Array.of(6, 2, 3, 3));
    expect([...chosen.read(0, 4)]).toEqual([6, 2, 3, 3].flatMap(rowAt));
    expect([...chosen.read(1, 3)]).toEqual([2, 3].flatMap(rowAt));
    expect([...chosen.read(2, 4)]).toEqual([3, 3].flatMap(rowAt));
    expect([...selectRows(rows, Uint32Array.of(1, 3, 6)).read(0, 3)]).toEqual([1, 3, 6].flatMap(rowAt));
    expect(() => chosen.read(3, 5)).toThrow(RangeError);
    expect([...selectRows(chosen, Uint32Array.of(1, 0)).read(0, 2)]).toEqual([2, 6].flatMap(rowAt));
    const joined = joinRows([rows, chosen, rows]);
    const order = [0, 1, 2, 3, 4, 5, 6, 6, 2, 3, 3, 0, 1, 2, 3, 4, 5, 6];
    expect([...joined.read(0, 18)]).toEqual(order.flatMap(rowAt));
    expect([...joined.read(6, 12)]).toEqual(order.slice(6, 12).flatMap(rowAt));
    expect([...joined.read(17, 18)]).toEqual(rowAt(6));
    expect(() => joined.read(17, 19)).toThrow(RangeError);
    expect([...grayRows(rows, 1).read(2, 5)]).toEqual([20, 30, 40]);
    expect([...grayRows(rows, 1).read(2, 3)]).toEqual([20]);
  });

  test("are read in parts, and as bytes", async () => {
    const { store } = await storeOf<Float32Array>(kind, "float32");
    store.write(
      0,
      Float32Array.from(VALUES, (value) => value / 3),
    );
    const rows = store.rows();
    const parts = [...inRowParts(rows, 2 * SIZE * 4 + 1)];
    expect(parts.map(({ start }) => start)).toEqual([0, 2, 4, 6]);
    expect(parts.flatMap(({ values }) => [...values])).toEqual(Array.from(VALUES, (value) => Math.fround(value / 3)));
    // A row that is larger than a part is one.
    expect([...inRowParts(rows, 1)]).toHaveLength(COUNT);
    const bytes = Buffer.concat([...bytesOf(rows, 30)]);
    expect([...new Float32Array(new Uint8Array(bytes).buffer)]).toEqual([...allRows(rows)]);
  });
});

test("nobody reads many rows at once by accident", () => {
  const rows = memoryRows(new Uint8Array(4 * MAX_READ_BYTES), 2 * MAX_READ_BYTES);
  expect(rows.read(1, 2)).toHaveLength(2 * MAX_READ_BYTES);
  expect(() => rows.read(0, 2)).toThrow(/at once; at most .* read them in parts/);
  const features = memoryRows(new Float32Array(MAX_READ_BYTES / 4 + 8), 8);
  expect(() => features.read(0, features.count)).toThrow(/at once/);
  expect(features.read(1, features.count)).toHaveLength(MAX_READ_BYTES / 4);
});

test("selecting a row that is not there is a RangeError", () => {
  expect(() => selectRows(memoryRows(VALUES, SIZE), Uint32Array.of(0, 7))).toThrow(RangeError);
});

describe("the file of rows", () => {
  test("has no name, so that nothing is left behind however the process ends", async () => {
    const { store, folder } = await storeOf("inFile", "uint8");
    store.write(0, VALUES);
    expect(readdirSync(folder, { recursive: true })).toEqual([]);
    expect([...allRows(store.rows())]).toEqual([...VALUES]);
  });

  test("that does not fit is refused before anything is written", async () => {
    await expect(storeOf("inFile", "uint8", 2 ** 50)).rejects.toThrow(
      /^the rows need [\d,]+ MB in \S+, whose disk has [\d,]+ MB left: make room, set TAILOR_CACHE to .*TAILOR_PICTURE_MEMORY/,
    );
  });

  test("on a disk that is full meanwhile is a UserError", () => {
    const shape = { dtype: "uint8", count: COUNT, size: SIZE } as const;
    // Whatever is written to this device does not fit.
    const store = fileStore<Uint8Array>({
      file: openSync("/dev/full", "r+"),
      folder: "here",
      what: "the rows",
      ...shape,
    });
    expect(() => store.write(0, VALUES)).toThrow(
      expect.objectContaining({
        name: "UserError",
        message: expect.stringMatching(/^the rows could not be written in here \(ENOSPC.*\): make room/),
      }),
    );
  });

  test("in a folder that cannot be written to is a UserError that says so", async () => {
    const environment = { TAILOR_CACHE: "/dev/null/nowhere", TAILOR_PICTURE_MEMORY: "0" };
    const shape = { dtype: "uint8", count: COUNT, size: SIZE } as const;
    await expect(createRowStore<Uint8Array>({ ...shape, what: "the rows" }, environment)).rejects.toThrow(
      /^the cache cannot be written to .*: set TAILOR_CACHE/,
    );
  });
});

test("the bound of memory is a number of megabytes, which sets at the same time share", async () => {
  expect(memoryBound({})).toBe(2 ** 26);
  expect(memoryBound({ TAILOR_PICTURE_MEMORY: "3" })).toBe(3e6);
  for (const wrong of ["3.5", "-1", "1e3", "much"]) {
    expect(() => memoryBound({ TAILOR_PICTURE_MEMORY: wrong })).toThrow(
      `TAILOR_PICTURE_MEMORY is "${wrong}"; give a whole number of megabytes`,
    );
  }
  // Where no file can be made, rows are in memory or refused.
  const environment = { TAILOR_CACHE: "/dev/null/nowhere", TAILOR_PICTURE_MEMORY: "1" };
  const form = { dtype: "float32", size: 250, what: "the rows" } as const;
  const inMemory = (count: number, sharedBy: number) =>
    createRowStore<Float32Array>({ ...form, count, sharedBy }, environment).then(
      () => true,
      () => false,
    );
  expect([await inMemory(1000, 1), await inMemory(1001, 1)]).toEqual([true, false]);
  expect([await inMemory(250, 4), await inMemory(251, 4)]).toEqual([true, false]);
});
