import { type Shape, ShapeError, sizeOf } from "../../src/graph/shape.ts";
import type { Value } from "../../src/graph/value.ts";
import type { ImageTask, Layer, LayerContext, Model } from "../../src/nn/index.ts";
import * as nn from "../../src/nn/index.ts";
import { sigmoid } from "../../src/ops/activations.ts";
import { multiply } from "../../src/ops/elementwise.ts";
import { input } from "../../src/ops/leaves.ts";
import { randomStream } from "../../src/random.ts";

/** Elements of one image between two layers, and of all parameters of a layer's largest tensor: networks stay small. */
const MAX_ELEMENTS = 4000;

/** Of all norms: with a smaller one, channels that hardly vary would only show float32's rounding, many times magnified. */
const EPSILON = 1e-2;

/** Draws from one stream of random numbers. */
class Dice {
  readonly #stream;
  constructor(seed: number) {
    this.#stream = randomStream(seed, "init");
  }
  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.#stream.uniform() * (most - least + 1));
  }
  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)]!;
  }
  isHit(share: number): boolean {
    return this.#stream.uniform() < share;
  }
  /** One number for both axes, or two. */
  size(least: number, most: number): number | readonly [number, number] {
    const first = this.between(least, most);
    return this.isHit(0.5) ? first : [first, this.between(least, most)];
  }
}

/** A random network over all layers, and its task. The same for the same seed. */
export function randomNetwork(seed: number): { model: Model; task: ImageTask } {
  const dice = new Dice(seed);
  const task = {
    channels: dice.pick([1, 3]),
    height: dice.between(8, 17),
    width: dice.between(8, 17),
    classes: dice.between(2, 5),
  };
  const first = [1, task.channels, task.height, task.width];
  const images = drawn(dice, first, dice.between(2, 6), imageLayer);
  const isTokens = dice.isHit(0.35);
  const tokens = isTokens ? tokenPart(dice, images.shape) : [];
  const head = isTokens ? [dice.pick([nn.firstToken(), nn.meanOfTokens()])] : imageHead(dice);
  const layers = [...images.layers, ...tokens, ...head, nn.linear(task.classes)];
  return { model: { name: `random${seed}`, layers: () => layers }, task };
}

function imageHead(dice: Dice): Layer[] {
  const pool = dice.pick([[], [nn.globalAveragePool()], [nn.adaptiveAveragePool2d(dice.size(1, 3))]]);
  const hidden = dice.isHit(0.3) ? [nn.linear(dice.between(3, 9)), nn.batchNorm({ epsilon: EPSILON }), nn.elu()] : [];
  return [...pool, nn.flatten(), ...hidden];
}

function tokenPart(dice: Dice, shape: Shape): Layer[] {
  const features = dice.pick([4, 6, 12]);
  const enter: Layer[] = [
    nn.adaptiveAveragePool2d(dice.size(2, 4)),
    nn.conv2d(features, { kernelSize: 1 }),
    nn.tokens(),
  ];
  const extra = [...(dice.isHit(0.5) ? [nn.classToken()] : []), ...(dice.isHit(0.5) ? [nn.positionEmbedding()] : [])];
  const start = shapeAfter([...enter, ...extra], shape);
  return [...enter, ...extra, ...drawn(dice, start, dice.between(1, 3), tokenLayer).layers];
}

/** Layers drawn one after another, each so that it fits. */
function drawn(dice: Dice, start: Shape, count: number, draw: (dice: Dice, shape: Shape) => Layer) {
  const layers: Layer[] = [];
  let shape = start;
  while (layers.length < count) {
    const layer = draw(dice, shape);
    const next = fits(layer, shape);
    if (!next) continue;
    layers.push(layer);
    shape = next;
  }
  return { layers, shape };
}

/** The result's shape, or undefined where the layer does not fit or the result is too large. */
function fits(layer: Layer, shape: Shape): Shape | undefined {
  try {
    const next = shapeAfter([layer], shape);
    return sizeOf(next) <= MAX_ELEMENTS ? next : undefined;
  } catch (error) {
    if (error instanceof ShapeError) return undefined;
    throw error;
  }
}

function shapeAfter(layers: readonly Layer[], shape: Shape): Shape {
  const tensor = (name: string, size: Shape) => input(name, size);
  const context: LayerContext = {
    mode: "inference",
    statistics: "batch",
    parameter: tensor,
    buffer: tensor,
    updateBuffer: () => {},
    dropoutMask: (size) => input("mask", size, "uint8"),
    child: (_name, layer, x) => layer.forward(x, context),
  };
  return layers.reduce<Value>((x, layer) => layer.forward(x, context), input("x", shape)).shape;
}

function activation(dice: Dice): Layer {
  const smooth = [
    nn.silu(),
    nn.gelu(),
    nn.gelu({ approximate: "tanh" }),
    nn.sigmoid(),
    nn.tanh(),
    nn.softplus(),
    nn.elu(0.7),
  ];
  const bent = [nn.relu(), nn.relu6(), nn.leakyRelu(0.1), nn.hardSwish(), nn.hardSigmoid()];
  return dice.pick([...smooth, ...bent]);
}

function norm(dice: Dice, channels: number): Layer {
  const groups = dice.pick([1, 2, 3, 4].filter((count) => channels % count === 0));
  return dice.pick([
    nn.batchNorm({ epsilon: EPSILON }),
    nn.layerNorm2d({ epsilon: EPSILON }),
    nn.groupNorm(groups, { epsilon: EPSILON }),
    nn.instanceNorm({ epsilon: EPSILON, affine: dice.isHit(0.5) }),
  ]);
}

/** A convolution or another layer with options of all kinds; some do not fit. */
function imageLayer(dice: Dice, shape: Shape, depth = 0): Layer {
  const channels = shape[1]!;
  const outputs = dice.pick([3, 6, 8, 12, 16, 32]);
  const bias = dice.isHit(0.5);
  const kernelSize = dice.size(1, 4);
  const [stride, dilation] = [dice.size(1, 3), dice.size(1, 2)];
  const padding = dice.size(0, 2);
  const groups = dice.pick([1, 1, 2, 3, channels].filter((count) => channels % count === 0));
  const kinds: (() => Layer)[] = [
    () => nn.conv2d(outputs, { kernelSize, stride, padding, dilation, bias }),
    () => nn.conv2d(outputs - (outputs % groups) + groups, { kernelSize, stride, padding, dilation, groups, bias }),
    () => nn.conv2d(outputs, { kernelSize, padding: "same", dilation, bias }),
    () => nn.conv2d(dice.pick([16, 32]), { kernelSize: 3, padding: 1, stride: dice.between(1, 2), bias }),
    () => nn.depthwiseConv2d({ kernelSize, stride, padding, dilation, multiplier: dice.between(1, 2), bias }),
    () => nn.depthwiseConv2d({ kernelSize: 3, padding: 1, bias }),
    () => nn.convTranspose2d(outputs, { kernelSize, stride: dice.between(1, 2), padding: dice.between(0, 1), bias }),
    () =>
      nn.maxPool2d(dice.size(2, 3), {
        stride: dice.size(1, 3),
        padding: dice.between(0, 1),
        ceilMode: dice.isHit(0.5),
      }),
    () =>
      nn.averagePool2d(dice.size(2, 3), {
        stride: dice.size(1, 3),
        padding: dice.between(0, 1),
        countIncludePad: bias,
      }),
    () => nn.adaptiveAveragePool2d(dice.size(3, 8)),
    () => nn.zeroPad2d([dice.between(0, 2), dice.between(0, 2), dice.between(0, 2), dice.between(0, 2)]),
    () => norm(dice, channels),
    () => norm(dice, channels),
    () => activation(dice),
    () => activation(dice),
    () =>
      nn.squeezeExcitation(dice.between(2, 5), {
        activation: dice.pick(["relu", "silu"]),
        gate: dice.pick(["sigmoid", "hardSigmoid"]),
      }),
    () => nn.layerScale(0.5),
    () => nn.dropout(0.3),
    () => nn.stochasticDepth(0.2),
    ...(depth < 2
      ? [() => residual(dice, shape, depth), () => residual(dice, shape, depth), () => nested(dice, shape, depth)]
      : []),
  ];
  return dice.pick(kinds)();
}

/** A body of any shape, with a shortcut where it changes the shape. */
function residual(dice: Dice, shape: Shape, depth: number): Layer {
  const body = drawn(dice, shape, dice.between(1, 3), (inner, x) => imageLayer(inner, x, depth + 1));
  const isSame = String(body.shape) === String(shape);
  const [, channels, height, width] = [...body.shape] as [number, number, number, number];
  const shortcut = [nn.conv2d(channels, { kernelSize: 1 }), nn.adaptiveAveragePool2d([height, width])];
  return nn.residual(body.layers, isSame ? [] : shortcut);
}

/** A sequence, or two ways that are multiplied. */
function nested(dice: Dice, shape: Shape, depth: number): Layer {
  const { layers } = drawn(dice, shape, dice.between(1, 3), (inner, x) => imageLayer(inner, x, depth + 1));
  if (dice.isHit(0.5)) return nn.named(`part${dice.between(0, 1_000_000)}`, nn.sequential(layers));
  const outputs = dice.pick([4, 16]);
  return nn.block({
    kind: "gated",
    description: "gated",
    layers: {
      value: nn.conv2d(outputs, { kernelSize: 1 }),
      gate: nn.sequential([nn.tanh(), nn.conv2d(outputs, { kernelSize: 1 })]),
    },
    forward: (x, apply) => multiply(apply("value", x), sigmoid(apply("gate", x))),
    pytorch: ["return self.value(x) * torch.sigmoid(self.gate(x))"],
  });
}

function tokenLayer(dice: Dice, shape: Shape): Layer {
  const [, count, features] = [...shape] as [number, number, number];
  const heads = dice.pick([1, 2, 3].filter((heads) => features % heads === 0));
  const epsilon = EPSILON;
  const kinds: (() => Layer)[] = [
    () => nn.multiHeadAttention(heads),
    () => nn.residual([nn.layerNorm({ epsilon }), nn.multiHeadAttention(heads)]),
    () =>
      nn.residual([nn.layerNorm({ epsilon, affine: false }), nn.linear(2 * features), nn.gelu(), nn.linear(features)]),
    () =>
      nn.residual([nn.exchangeTokens(), nn.linear(count + 1), activation(dice), nn.linear(count), nn.exchangeTokens()]),
    () => nn.layerNorm({ epsilon }),
    () => activation(dice),
    () => nn.linear(dice.pick([4, 6, 12]), { bias: dice.isHit(0.5) }),
  ];
  return dice.pick(kinds)();
}
