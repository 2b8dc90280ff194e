/** The form of the blocked weight gradient depends on whether there are more weights or more pixels. */
import { fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import { ModelProtoSchema } from "../../src/onnx/generated/onnx_pb.ts";
import { conv2dWeightGradient } from "../../src/ops/convolution/weight-gradient.ts";
import { input } from "../../src/ops/leaves.ts";

const BLOCK = 16;

/** Number of groups of images whose sums are added at the end; 1: the whole batch is summed at once. */
function groupsOf(batch: number, channels: number, outputs: number, size: number, block = BLOCK): number {
  const x = input("x", [batch, channels, size, size]);
  const dy = input("dy", [batch, outputs, size, size]);
  const shape = [outputs, channels, 3, 3];
  const dweight = conv2dWeightGradient(x, dy, { stride: 1, padding: [1, 1], shape });
  const program = { name: "gradient", feeds: [], parameters: [x, dy], state: [], outputs: { dweight } };
  const { model } = compile(program, { kind: "blocked", block });
  const convolutions = fromBinary(ModelProtoSchema, model).graph!.node.filter(({ opType }) => opType === "Conv");
  const group = convolutions.at(-1)!.attribute.find(({ name }) => name === "group");
  return Number(group!.i);
}

test("with few weights images are summed one by one, otherwise in groups of eight", () => {
  expect(groupsOf(128, 32, 32, 28)).toBe(128);
  expect(groupsOf(128, 32, 64, 14)).toBe(128);
  expect(groupsOf(128, 64, 64, 14)).toBe(16);
  expect(groupsOf(128, 256, 256, 4)).toBe(16);
});

test("with more weights than pixels the whole batch is summed at once", () => {
  expect(groupsOf(128, 512, 512, 2)).toBe(1);
  expect(groupsOf(128, 512, 512, 2, 8)).toBe(1);
});

test("a batch that does not fill blocks is summed in groups that divide it", () => {
  expect(groupsOf(12, 512, 512, 2)).toBe(2);
  expect(groupsOf(7, 64, 64, 14)).toBe(1);
  expect(groupsOf(11, 64, 64, 14)).toBe(11);
  // 121 images are padded to 128.
  expect(groupsOf(121, 64, 64, 14)).toBe(16);
});
