import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from "../../src/formats/safetensors.ts";
import { ascii, entry, metadata, safetensorsFile, tensors } from "./support/safetensors.ts";

const bits = ({ data }: NamedTensor) => [...new Uint32Array(data.buffer, data.byteOffset, data.length)];

describe("encodeSafetensors", () => {
  test("writes the published format byte for byte", () => {
    const written = encodeSafetensors([
      { name: "b", shape: [2], data: Float32Array.of(1, -2) },
      { name: "a", shape: [], data: Float32Array.of(0.5) },
    ]);
    // Two members of 52 characters, two braces and a comma: 107, padded with 5 spaces to 112 = 0x70.
    expect([...written]).toEqual([
      ...[0x70, 0, 0, 0, 0, 0, 0, 0],
      ...ascii(
        '{"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}',
      ),
      ...ascii("     "),
      ...[0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x00, 0xc0],
      ...[0x00, 0x00, 0x00, 0x3f],
    ]);
  });

  test("metadata is stored under __metadata__", () => {
    const written = encodeSafetensors([], { step: "7" });
    expect([...written]).toEqual([32, 0, 0, 0, 0, 0, 0, 0, ...ascii('{"__metadata__":{"step":"7"}}   ')]);
  });

  test("reading gives what was written: names, order, shapes, every bit, metadata; the data is aligned to 8 bytes", () => {
    fc.assert(
      fc.property(tensors, metadata, (written, fields) => {
        const bytes = encodeSafetensors(written, fields);
        expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
        const read = decodeSafetensors(bytes, "x");
        expect(read.tensors.map(({ name, shape }) => ({ name, shape }))).toEqual(
          written.map(({ name, shape }) => ({ name, shape })),
        );
        expect(read.tensors.map(bits)).toEqual(written.map(bits));
        expect(Object.entries(read.metadata).sort()).toEqual(Object.entries(fields).sort());
      }),
    );
  });

  test("views into a larger buffer are written with their own values", () => {
    const whole = Float32Array.of(9, 1, 2, 9);
    const { tensors } = decodeSafetensors(
      encodeSafetensors([{ name: "v", shape: [2], data: whole.subarray(1, 3) }]),
      "x",
    );
    expect(tensors[0]!.data).toEqual(Float32Array.of(1, 2));
  });

  const one = Float32Array.of(1);
  test.each<[string, NamedTensor[], RegExp]>([
    [
      "a name twice",
      [
        { name: "a", shape: [1], data: one },
        { name: "a", shape: [], data: one },
      ],
      /"a": the name is taken/,
    ],
    ["the reserved name", [{ name: "__metadata__", shape: [1], data: one }], /"__metadata__": the name is taken/],
    ["half a surrogate pair", [{ name: "\ud83d", shape: [1], data: one }], /half of a surrogate pair/],
    ["a shape too large", [{ name: "a", shape: [2, 1], data: one }], /shape \[2, 1\] does not fit 1 values/],
    ["sizes that only multiply right", [{ name: "a", shape: [-1, -1], data: one }], /does not fit/],
    ["broken sizes", [{ name: "a", shape: [0.5, 2], data: one }], /does not fit/],
  ])("refuses %s", (_, list, message) => {
    expect(() => encodeSafetensors(list)).toThrow(RangeError);
    expect(() => encodeSafetensors(list)).toThrow(message);
  });
});

describe("decodeSafetensors", () => {
  test("unaligned data, data in another order than the header, white space and integers as names are read correctly", () => {
    const header = ` {"10": ${entry([1], [4, 8])}, "2":${entry([1], [0, 4])}} `.slice(1);
    const bytes = safetensorsFile(header, [0, 0, 0, 0x40, 0, 0, 0x80, 0x3f]);
    expect((8 + header.length) % 4).not.toBe(0);
    // The file itself may begin anywhere in a buffer as well.
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    for (const view of [bytes, shifted.subarray(3)]) {
      expect(decodeSafetensors(view, "x")).toEqual({
        tensors: [
          { name: "10", shape: [1], data: Float32Array.of(1) },
          { name: "2", shape: [1], data: Float32Array.of(2) },
        ],
        metadata: {},
      });
    }
  });

  test("tensors without elements may be at any boundary, and their other sizes may be anything", () => {
    const header = `{"a":${entry([1], [0, 4])},"end":${entry([0], [4, 4])},"start":${entry([0, 3], [0, 0])}}`;
    const read = decodeSafetensors(safetensorsFile(header, [0, 0, 0x80, 0x3f]), "x");
    expect(read.tensors.map(({ shape, data }) => [shape, [...data]])).toEqual([
      [[1], [1]],
      [[0], []],
      [[0, 3], []],
    ]);
    const huge = [...new Array<number>(25).fill(2 ** 52), 0];
    const empty = decodeSafetensors(safetensorsFile(`{"huge":${entry(huge, [0, 0])}}`), "x");
    expect(empty.tensors).toEqual([{ name: "huge", shape: huge, data: new Float32Array() }]);
  });

  test("the tensors are copies", () => {
    const bytes = encodeSafetensors([{ name: "a", shape: [1], data: Float32Array.of(3) }]);
    const { tensors } = decodeSafetensors(bytes, "x");
    bytes.fill(0);
    expect(tensors[0]!.data[0]).toBe(3);
  });
});

describe("the layout as read by Python's standard library", () => {
  const script = new URL("./support/safetensors_peer.py", import.meta.url).pathname;
  const hasPython = spawnSync("python3", ["--version"]).status === 0;

  test("Python reads what we write and we read what Python writes", (context) => {
    if (!hasPython) {
      expect(process.env.REQUIRE_PEERS, "python3 is required").not.toBe("1");
      context.skip("needs the Debian package python3");
    }
    const folder = mkdtempSync(join(tmpdir(), "safetensors-"));
    try {
      const [ours, theirs] = [join(folder, "ours"), join(folder, "theirs")];
      const written = [
        { name: "conv.weight", shape: [2, 1, 3], data: Float32Array.of(0, -1.5, 2 ** -149, 3e38, 0.25, -0) },
        { name: "空", shape: [0, 4], data: new Float32Array() },
        { name: "scale", shape: [], data: Float32Array.of(7) },
      ];
      writeFileSync(ours, encodeSafetensors(written, { step: "12", größe: "µ" }));
      // The script prints what it has read, and writes it again with Python's own spacing and without padding.
      const printed: unknown = JSON.parse(execFileSync("python3", [script, ours, theirs], { encoding: "utf8" }));
      expect(printed).toEqual({
        metadata: { step: "12", größe: "µ" },
        tensors: written.map(({ name, shape, data }) => ({ name, shape, values: [...data] })),
      });
      const read = decodeSafetensors(readFileSync(theirs), theirs);
      expect(read).toEqual({ tensors: written, metadata: { step: "12", größe: "µ" } });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
