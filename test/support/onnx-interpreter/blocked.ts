import { blockImages, unblockFilter, unblockImages } from "./blocked-memory.ts";
import { hardSigmoid } from "./elementwise.ts";
import { type Attributes, type Kernel, type Kernels, required } from "./kernel.ts";
import { fourSizes, type Tensor, tensor, view } from "./tensor.ts";
import { averagePlanes, convolve, maxPool, windowOf } from "./windows.ts";

/**
 * The operators of ONNX Runtime's blocked layout ("com.microsoft.nchwc"), for any block size. Each takes its tensors out
 * of blocks, computes the ordinary operator, and blocks the result. Where ONNX Runtime refuses a shape, or its kernels
 * would silently skip channels, this throws: so a lowering that breaks a rule is found at block sizes that this
 * processor lacks. Sources: onnxruntime/contrib_ops/cpu/nchwc_ops.cc and onnxruntime/core/mlas/lib/snchwc.cpp.
 */

/** "ORT_ENFORCE((X_shape[1] % MlasNchwcGetBlockSize()) == 0)" in pooling, Upsample and ReorderOutput. */
function requireBlocks(what: string, channels: number, block: number): void {
  if (channels % block !== 0) throw new Error(`${what}: ${channels} channels are not a multiple of the block ${block}`);
}

/** Channels must be a multiple of 4 ("MlasReorderInputNchw does not work" otherwise); zero channels fill the last block. */
const reorderInput: Kernel = (context) => {
  const x = required(context, 0);
  const [batch, channels, height, width] = fourSizes(x);
  if (context.attributes.integer("channels_last", 0) !== 0) throw new Error("channels_last is not interpreted");
  if (channels % 4 !== 0) throw new Error(`ReorderInput: ${channels} channels are not a multiple of 4`);
  const filled = Math.ceil(channels / context.block) * context.block;
  const images = tensor([batch, filled, height, width], new Float64Array(batch * filled * height * width));
  const [from, to] = [channels * height * width, filled * height * width];
  for (let n = 0; n < batch; n++) images.data.set(x.data.subarray(n * from, (n + 1) * from), n * to);
  return blockImages(images, context.block);
};

/** Keeps the first `channels` channels. */
const reorderOutput: Kernel = (context) => {
  const x = required(context, 0);
  const [batch, filled, height, width] = fourSizes(x);
  const channels = context.attributes.integer("channels");
  if (context.attributes.integer("channels_last", 0) !== 0) throw new Error("channels_last is not interpreted");
  requireBlocks("ReorderOutput", filled, context.block);
  const plane = height * width;
  const kept = view(unblockImages(x, context.block).data, [batch, channels, plane], [filled * plane, plane, 1]);
  return tensor([batch, channels, height, width], kept.data);
};

/** Input and filter in canonical order: what MlasNchwcConv reads depends on the channels of a group. */
function readConvolution(x: Tensor, filter: Tensor, group: number, block: number): [Tensor, Tensor] {
  const channels = fourSizes(x)[1];
  if (channels >= block) requireBlocks("Conv input", channels, block);
  const [inputs, outputs] = [channels / group, filter.shape[0]! / group];
  if (inputs >= block) {
    requireBlocks("Conv group's input", inputs, block);
    requireBlocks("Conv group's output", outputs, block);
    return [unblockImages(x, block), unblockFilter(filter, block, block)];
  }
  if (inputs === 1 && outputs === 1) {
    requireBlocks("depthwise Conv", channels, block);
    return [unblockImages(x, block), unblockFilter(filter, 1, block)];
  }
  requireBlocks("Conv group's output", outputs, block);
  return [x, unblockFilter(filter, 1, block)];
}

function activation(attributes: Attributes): (x: number) => number {
  const name = attributes.text("activation", "");
  switch (name) {
    case "":
      return (x) => x;
    case "Relu":
      return (x) => Math.max(x, 0);
    case "HardSigmoid": {
      const [alpha, beta] = attributes.reals("activation_params");
      return (x) => hardSigmoid(x, alpha!, beta!);
    }
    default:
      throw new Error(`activation ${name} is not interpreted`);
  }
}

/** activation(convolution + bias + sum): inputs x, filter, bias [K], sum of the result's shape. */
const conv: Kernel = (context) => {
  const { attributes, block, inputs } = context;
  const group = attributes.integer("group", 1);
  const [x, filter] = readConvolution(required(context, 0), required(context, 1), group, block);
  const y = blockImages(convolve(x, filter, windowOf(attributes, filter.shape.slice(2)), group), block);
  const [, outputs, height, width] = fourSizes(y);
  const activate = activation(attributes);
  const [bias, sum] = [inputs[2], inputs[3]];
  if (sum && String(sum.shape) !== String(y.shape)) throw new Error("Conv: output and sum shape must match");
  const positions = height * width;
  return tensor(
    y.shape,
    y.data.map((element, at) => {
      const channel = (Math.floor(at / (positions * block)) * block + (at % block)) % outputs;
      return activate(element + (bias?.data[channel] ?? 0) + (sum?.data[at] ?? 0));
    }),
  );
};

/** An operator on canonical images as one on blocked images. */
function onBlocks(what: string, context: Parameters<Kernel>[0], compute: (x: Tensor) => Tensor): Tensor {
  const x = required(context, 0);
  requireBlocks(what, fourSizes(x)[1], context.block);
  return blockImages(compute(unblockImages(x, context.block)), context.block);
}

/** Each pixel as many times as the scale says, by rows and by columns. */
const upsample: Kernel = (context) =>
  onBlocks("Upsample", context, (x) => {
    const scales = context.attributes.integers("scales");
    const mode = context.attributes.text("mode", "nearest");
    if (
      mode !== "nearest" ||
      scales.length !== 4 ||
      scales[0] !== 1 ||
      scales[1] !== 1 ||
      !scales.every((s) => s >= 1)
    ) {
      throw new Error(`Upsample ${mode} by ${scales}`);
    }
    const [batch, channels, height, width] = fourSizes(x);
    const [rows, columns] = [scales[2]!, scales[3]!];
    const repeated = view(x.data, [batch * channels, height, rows, width, columns], [height * width, width, 0, 1, 0]);
    return tensor([batch, channels, height * rows, width * columns], repeated.data);
  });

export const BLOCKED: Kernels = {
  ReorderInput: reorderInput,
  ReorderOutput: reorderOutput,
  Conv: conv,
  MaxPool: (context) => onBlocks("MaxPool", context, (x) => maxPool(x, windowOf(context.attributes))),
  GlobalAveragePool: (context) => onBlocks("GlobalAveragePool", context, averagePlanes),
  Upsample: upsample,
};
