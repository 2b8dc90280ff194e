import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/formats/safetensors.ts";
import { ascii, entry, safetensorsFile as file, tensors } from "./support/safetensors.ts";

describe("an inconsistent file", () => {
  const eight = new Uint8Array(8);
  const ab = (first: string, second: string) => `{"a":${first},"b":${second}}`;
  test.each<[string, Uint8Array, RegExp]>([
    ["an empty file", new Uint8Array(), /expected at least 8 bytes, found 0/],
    ["a cut length", new Uint8Array(7), /expected at least 8 bytes, found 7/],
    ["a header cut off", file("{}", [], 3n), /expected a header of 3 bytes as its length says, found only 2 bytes/],
    ["a header above 100 MB", file("{}", [], 100_000_001n), /at most 100000000 bytes, found a length of 100000001/],
    ["the largest length", file("{}", [], 2n ** 64n - 1n), /found a length of 18446744073709551615/],
    ["an empty header", file(""), /UTF-8 JSON/],
    ["a header that is no JSON", file('{"a":'), /UTF-8 JSON/],
    ["a header that is no UTF-8", file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)), /UTF-8 JSON/],
    ["a byte order mark", file("\ufeff{}"), /UTF-8 JSON/],
    ["a header that is an array", file("[]"), /begins with "\{", found "\[\]"/],
    ["a header that begins with a space", file(" {}"), /begins with "\{"/],
    [
      "another dtype",
      file(`{"a":${entry([2], [0, 4], "F16")}}`, [1, 2, 3, 4]),
      /"a": expected dtype "F32", found "F16"; tailor reads floats only/,
    ],
    ["no dtype", file(`{"a":{"shape":[],"data_offsets":[0,0]}}`), /"a": expected dtype "F32", found nothing/],
    ["no entry", file('{"a":null}'), /"a": expected an object with dtype, shape and data_offsets, found null/],
    ["no shape", file('{"a":{"dtype":"F32","data_offsets":[0,0]}}'), /"a": expected a shape .*, found nothing/],
    ["a shape that is no list", file(`{"a":${entry(2, [0, 8])}}`, eight), /"a": expected a shape .*, found 2/],
    [
      "a negative size",
      file(`{"a":${entry([-2], [0, 8])}}`, eight),
      /"a": expected a shape of whole numbers from 0 up, found \[-2\]/,
    ],
    ["two negative sizes", file(`{"a":${entry([-1, -2], [0, 8])}}`, eight), /found \[-1,-2\]/],
    ["a broken size", file(`{"a":${entry([0.5, 4], [0, 8])}}`, eight), /found \[0.5,4\]/],
    ["a size as text", file(`{"a":${entry(["2"], [0, 8])}}`, eight), /found \["2"\]/],
    [
      "a size above 2^53",
      file('{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,8]}}', eight),
      /whole numbers/,
    ],
    ["a huge size", file(`{"a":${entry([2 ** 52], [0, 8])}}`, eight), /18014398509481984 bytes apart/],
    ["sizes whose product overflows", file(`{"a":${entry([2 ** 40, 2 ** 40], [0, 8])}}`, eight), /bytes apart/],
    [
      "a shape that is too small",
      file(`{"a":${entry([1], [0, 8])}}`, eight),
      /4 bytes apart for shape \[1\] of F32, found \[0,8\]/,
    ],
    ["a scalar of two", file(`{"a":${entry([], [0, 8])}}`, eight), /4 bytes apart for shape \[\]/],
    ["offsets out of range", file(`{"a":${entry([3], [0, 12])}}`, eight), /within the 8 bytes of data, found \[0,12\]/],
    ["offsets in reverse", file(`{"a":${entry([0], [4, 0])}}`, eight), /in order .* found \[4,0\]/],
    ["negative offsets", file(`{"a":${entry([2], [-8, 0])}}`, eight), /two whole numbers from 0 up, found \[-8,0\]/],
    ["three offsets", file(`{"a":${entry([2], [0, 8, 8])}}`, eight), /two whole numbers/],
    [
      "no offsets",
      file('{"a":{"dtype":"F32","shape":[0]}}'),
      /data_offsets of two whole numbers from 0 up, found nothing/,
    ],
    [
      "an overlap",
      file(ab(entry([2], [0, 8]), entry([1], [4, 8])), eight),
      /"b" overlaps the one before: expected data from 8 on, found it at 4/,
    ],
    ["the same data twice", file(ab(entry([2], [0, 8]), entry([2], [0, 8])), eight), /"b" overlaps/],
    [
      "a hole",
      file(ab(entry([], [0, 4]), entry([], [8, 12])), new Uint8Array(12)),
      /"b" leaves a hole before it: expected data from 4 on, found it at 8/,
    ],
    ["a hole at the start", file(`{"a":${entry([], [4, 8])}}`, eight), /"a" leaves a hole/],
    [
      "trailing bytes",
      file(`{"a":${entry([1], [0, 4])}}`, eight),
      /expected 4 bytes of tensor data after the header, found 8/,
    ],
    ["data without tensors", file("{}", [1]), /expected 0 bytes of tensor data after the header, found 1/],
    [
      "a name twice",
      file(`{"a":${entry([2], [0, 8])},"a":${entry([2], [0, 8])}}`, eight),
      /every name once, found "a" twice/,
    ],
    [
      "a name twice, once escaped",
      file(`{"a":${entry([0], [0, 0])},"\\u0061":${entry([2], [0, 8])}}`, eight),
      /found "a" twice/,
    ],
    [
      "a field twice",
      file('{"a":{"dtype":"F16","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', eight),
      /found "dtype" twice/,
    ],
    ["metadata that is no object", file('{"__metadata__":"x"}'), /__metadata__: expected an object, found "x"/],
    ["metadata that is null", file('{"__metadata__":null}'), /__metadata__: expected an object, found null/],
    [
      "metadata that is no text",
      file('{"__metadata__":{"step":7}}'),
      /__metadata__: expected text under "step", found 7/,
    ],
    ["metadata twice", file('{"__metadata__":{"a":"1"},"__metadata__":{}}'), /found "__metadata__" twice/],
  ])("refuses %s, naming the file", (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, "runs/x/weights.safetensors")).toThrow(UserError);
    expect(() => decodeSafetensors(bytes, "runs/x/weights.safetensors")).toThrow(message);
    expect(() => decodeSafetensors(bytes, "runs/x/weights.safetensors")).toThrow(
      /^runs\/x\/weights\.safetensors: .*; /,
    );
  });

  test("long names and control characters from a file are truncated and escaped in the message", () => {
    const bytes = file(JSON.stringify({ [`\u001b[31m${"n".repeat(10_000)}`]: null }));
    expect(() => decodeSafetensors(bytes, "x")).toThrow(/^x: tensor "\\u001b\[31mn{1,80}\.\.\.: expected/);
  });

  test("a deeply nested header is refused without a crash", () => {
    const depth = 200_000;
    expect(() => decodeSafetensors(file(`{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`), "x")).toThrow(UserError);
  });

  test("any corruption is refused with a UserError or gives tensors that match their shapes", () => {
    const outcomes = { refused: 0, read: 0 };
    const corruption = fc.record({
      at: fc.nat(),
      kind: fc.constantFrom("set", "set", "set", "cut", "insert", "remove"),
      // Often a character that has a meaning in the header.
      byte: fc.oneof(fc.nat(255), fc.constantFrom(...ascii('0123456789-.e"{}[],:\\ '))),
    });
    fc.assert(
      fc.property(tensors, fc.array(corruption, { minLength: 1, maxLength: 4 }), (written, corruptions) => {
        let bytes = [...encodeSafetensors(written, { step: "7" })];
        for (const { at, kind, byte } of corruptions) {
          const i = at % (bytes.length + 1);
          if (kind === "cut") bytes = bytes.slice(0, i);
          else bytes.splice(i, kind === "insert" ? 0 : 1, ...(kind === "remove" ? [] : [byte]));
        }
        try {
          const read = decodeSafetensors(Uint8Array.from(bytes), "x");
          for (const { shape, data } of read.tensors) expect(data.length).toBe(shape.reduce((n, size) => n * size, 1));
          outcomes.read++;
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
          outcomes.refused++;
        }
      }),
      { numRuns: 1000 },
    );
    expect(outcomes.read).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
  });
});
