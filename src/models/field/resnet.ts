import {
  batchNorm,
  conv2d,
  flatten,
  globalAveragePool,
  type Layer,
  linear,
  type Model,
  maxPool2d,
  named,
  relu,
  residual,
  sequential,
} from "../../nn/index.ts";
import { IMAGENET, MAX_DEFAULT_SIZE } from "./parts.ts";

/** ResNets for large images (He et al. 2016), with torchvision's names; their stem reduces the image to a quarter. */

interface ResNetShape {
  /** Blocks of each stage. */
  readonly blocks: readonly number[];
  /** Whether a block is 1x1, 3x3, 1x1 with four times as many channels at the end, or two 3x3. */
  readonly isBottleneck: boolean;
}

const WIDTHS = [64, 128, 256, 512];
/** Channels of a bottleneck's result per channel inside. */
const EXPANSION = 4;

function resNet(name: string, { blocks, isBottleneck }: ResNetShape): Model {
  const stage = (width: number, count: number, first: boolean): Layer =>
    sequential(
      Array.from({ length: count }, (_, i) => {
        const stride = i === 0 && !first ? 2 : 1;
        const outputs = isBottleneck ? width * EXPANSION : width;
        const isShape = i > 0 || (first && !isBottleneck);
        const downsample = sequential([conv2d(outputs, { kernelSize: 1, stride, bias: false }), batchNorm()]);
        const body = isBottleneck ? bottleneck(width, stride) : basic(width, stride);
        const shortcut = isShape ? [] : [named("downsample", downsample)];
        return [named(String(i), residual(body, shortcut)), named(`${i}_relu`, relu())];
      }).flat(),
    );
  return {
    name,
    published: IMAGENET,
    maxDefaultSize: MAX_DEFAULT_SIZE,
    layers: ({ classes }) => [
      conv2d(WIDTHS[0]!, { kernelSize: 7, stride: 2, padding: 3, bias: false }),
      batchNorm(),
      relu(),
      maxPool2d(3, { stride: 2, padding: 1 }),
      ...WIDTHS.map((width, i) => named(`layer${i + 1}`, stage(width, blocks[i]!, i === 0))),
      globalAveragePool(),
      flatten(),
      named("fc", linear(classes)),
    ],
  };
}

/** Its layers are named conv1, bn1, conv2, bn2 by themselves. */
function basic(width: number, stride: number): Layer[] {
  return [...convolution(width, 3, stride), relu(), ...convolution(width, 3, 1)];
}

/** The stride is the 3x3 convolution's, as in torchvision. */
function bottleneck(width: number, stride: number): Layer[] {
  const inner = [...convolution(width, 1, 1), relu(), ...convolution(width, 3, stride), relu()];
  return [...inner, ...convolution(width * EXPANSION, 1, 1)];
}

function convolution(channels: number, kernelSize: number, stride: number): Layer[] {
  return [conv2d(channels, { kernelSize, stride, padding: (kernelSize - 1) / 2, bias: false }), batchNorm()];
}

/** 11,689,512 parameters for 1,000 classes. Not `resnet18`, which is for small images. */
export const resnet18Imagenet = resNet("resnet18-imagenet", { blocks: [2, 2, 2, 2], isBottleneck: false });

/** 21,797,672 parameters for 1,000 classes. */
export const resnet34 = resNet("resnet34", { blocks: [3, 4, 6, 3], isBottleneck: false });

/** 25,557,032 parameters for 1,000 classes. */
export const resnet50 = resNet("resnet50", { blocks: [3, 4, 6, 3], isBottleneck: true });
