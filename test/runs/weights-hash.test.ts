import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { weightsSha256 } from "../../src/runs/node/hashes.ts";

const tensor = (name: string, ...values: number[]) => ({
  name,
  shape: [values.length],
  data: Float32Array.from(values),
});

test("weightsSha256 is SHA-256 of the float32 bytes, least significant first, tensor after tensor", () => {
  // 1, -2 and 0.5 as IEEE 754 single precision.
  const bytes = Uint8Array.of(0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0x3f);
  const expected = createHash("sha256").update(bytes).digest("hex");
  expect(weightsSha256([tensor("a", 1, -2), tensor("b", 0.5)])).toBe(expected);
});

test("weightsSha256 depends on order and every bit, and on nothing else", () => {
  const [a, b] = [tensor("a", 1, -2), tensor("b", 0.5)];
  const hash = weightsSha256([a, b]);
  expect(weightsSha256([b, a])).not.toBe(hash);
  expect(weightsSha256([a, tensor("b", 0.5 + 2 ** -24)])).not.toBe(hash);
  expect(weightsSha256([tensor("a", 0), b])).not.toBe(weightsSha256([tensor("a", -0), b]));
  expect(weightsSha256([{ ...a, name: "renamed", shape: [1, 2] }, b])).toBe(hash);
  const whole = Float32Array.of(9, 1, -2, 0.5);
  expect(weightsSha256([{ ...a, data: whole.subarray(1) }])).toBe(hash);
});

test("weightsSha256 of nothing is SHA-256 of nothing", () => {
  expect(weightsSha256([])).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});
