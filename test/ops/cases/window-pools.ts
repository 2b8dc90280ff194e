import { formatShape, type Shape } from "../../../src/graph/shape.ts";
import { apply } from "../../../src/graph/value.ts";
import { maxPool2d, maxPool2dOp } from "../../../src/ops/pooling.ts";
import { pad } from "../../../src/ops/reshape.ts";
import {
  adaptiveAveragePool2d,
  adaptiveAveragePool2dGradientOp,
  adaptiveAveragePool2dOp,
  averagePool2d,
  averagePool2dGradientOp,
  averagePool2dOp,
  maxPoolWindows,
  maxPoolWindowsGradientOp,
  maxPoolWindowsOp,
  type WindowPoolAttributes,
} from "../../../src/ops/window-pooling.ts";
import { exact, type OpCase, ofMagnitude } from "../../support/op-case.ts";
import { type Filling, tensor } from "../../support/tensors.ts";
import type { DerivativeCase } from "./derivatives.ts";

interface Size extends WindowPoolAttributes {
  readonly edge: string;
  readonly image: readonly [number, number];
}

const SIZES: readonly Size[] = [
  { edge: "one pixel", image: [1, 1], kernel: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0] },
  { edge: "side by side", image: [6, 4], kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] },
  { edge: "overlapping", image: [7, 8], kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  {
    edge: "overlapping, rows and columns left over",
    image: [8, 6],
    kernel: [3, 2],
    strides: [3, 3],
    pads: [0, 0, 0, 0],
  },
  { edge: "stride 1", image: [4, 5], kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] },
  { edge: "gaps between the windows", image: [7, 7], kernel: [2, 1], strides: [3, 3], pads: [0, 0, 0, 0] },
  { edge: "padding of each side", image: [5, 4], kernel: [3, 4], strides: [2, 1], pads: [0, 1, 2, 3] },
  { edge: "the whole image", image: [3, 5], kernel: [3, 5], strides: [1, 1], pads: [0, 0, 0, 0] },
];

const attributesOf = ({ kernel, strides, pads }: Size): WindowPoolAttributes => ({ kernel, strides, pads });

function nameOf({ edge, kernel, strides, pads }: Size, shape: Shape): string {
  return `${edge}: ${formatShape(shape)}, window ${kernel}, strides ${strides}, pads ${pads}`;
}

const ADAPTIVE = [
  { image: [6, 4], size: [3, 2] },
  { image: [7, 5], size: [3, 2] },
  { image: [3, 5], size: [7, 5] },
  { image: [4, 1], size: [1, 1] },
  { image: [10, 9], size: [7, 7] },
] as const;

export function windowPoolCases(block: number): OpCase[] {
  const fillings: Filling[] = ["uniform", "ties", "negative"];
  return [
    ...SIZES.flatMap((size) =>
      [block, 3].flatMap((channels) => [
        ...fillings.flatMap((filling) => maxPools(size, channels, filling, block)),
        ...[true, false].flatMap((countPadding) => averages(size, channels, countPadding)),
      ]),
    ),
    ...ADAPTIVE.flatMap(({ image, size }) => adaptive(image, size)),
    ...afterPadding(),
  ];
}

/** Zeros in front of a pool are pixels, also where all others are negative; together they may be as many as the window's. */
function afterPadding(): OpCase[] {
  const x = tensor("x", [2, 3, 4, 5], "negative");
  const padded = pad(x.value, [0, 0, 1, 2], [0, 0, 2, 1]);
  const window = { kernel: [2, 3], strides: [1, 2], pads: [1, 0, 0, 1] } as const;
  const plain = { inputs: [x], isBlocked: false };
  return [
    { ...plain, op: maxPoolWindowsOp, name: "after padding", y: maxPoolWindows(padded, window), bound: exact },
    { ...plain, op: maxPool2dOp, name: "after padding", y: maxPool2d(padded, { size: 2 }), bound: exact },
    ...[true, false].map((countPadding): OpCase => {
      const y = averagePool2d(padded, { ...window, countPadding });
      const name = `after padding${countPadding ? ", padding counts" : ""}`;
      return { ...plain, op: averagePool2dOp, name, y, bound: ofMagnitude(8, y) };
    }),
  ];
}

function maxPools(size: Size, channels: number, filling: Filling, block: number): OpCase[] {
  const attributes = attributesOf(size);
  const x = tensor("x", [2, channels, ...size.image], filling);
  const y = maxPoolWindows(x.value, attributes);
  const dy = tensor("dy", y.shape, "divisible");
  const name = `${nameOf(size, x.value.shape)}, ${filling}`;
  const dx = apply(maxPoolWindowsGradientOp, [x.value, y, dy.value], attributes);
  return [
    { op: maxPoolWindowsOp, name, inputs: [x], y, isBlocked: channels % block === 0, bound: exact },
    // Shares are whole, and so are their sums.
    { op: maxPoolWindowsGradientOp, name, inputs: [x, dy], y: dx, isBlocked: false, bound: ofMagnitude(2, dx) },
  ];
}

function averages(size: Size, channels: number, countPadding: boolean): OpCase[] {
  const attributes = { ...attributesOf(size), countPadding };
  const x = tensor("x", [2, channels, ...size.image], "uniform");
  const y = averagePool2d(x.value, attributes);
  const dy = tensor("dy", y.shape, "uniform");
  const dx = apply(averagePool2dGradientOp, [dy.value], { ...attributes, shape: x.value.shape });
  const name = `${nameOf(size, x.value.shape)}${countPadding ? ", padding counts" : ""}`;
  const bound = ofMagnitude(size.kernel[0] * size.kernel[1] + 2, y);
  return [
    { op: averagePool2dOp, name, inputs: [x], y, isBlocked: false, bound },
    {
      op: averagePool2dGradientOp,
      name,
      inputs: [dy],
      y: dx,
      isBlocked: false,
      bound: ofMagnitude(size.kernel[0] * size.kernel[1] + 2, dx),
    },
  ];
}

function adaptive(image: readonly [number, number], size: readonly [number, number]): OpCase[] {
  const x = tensor("x", [2, 3, ...image], "uniform");
  const y = adaptiveAveragePool2d(x.value, size);
  const dy = tensor("dy", y.shape, "uniform");
  const dx = apply(adaptiveAveragePool2dGradientOp, [dy.value], { shape: x.value.shape });
  const name = `${image} to ${size}`;
  const plain = { name, isBlocked: false };
  return [
    { ...plain, op: adaptiveAveragePool2dOp, inputs: [x], y, bound: ofMagnitude(24, y) },
    { ...plain, op: adaptiveAveragePool2dGradientOp, inputs: [dy], y: dx, bound: ofMagnitude(24, dx) },
  ];
}

export function windowPoolDerivatives(): DerivativeCase[] {
  const windows = SIZES.flatMap((size): DerivativeCase[] => {
    const x = tensor("x", [2, 2, ...size.image], "distinct");
    const name = nameOf(size, x.value.shape);
    const attributes = attributesOf(size);
    return [
      { op: maxPoolWindowsOp, name, y: maxPoolWindows(x.value, attributes), by: [x] },
      ...[true, false].map((countPadding): DerivativeCase => {
        const y = averagePool2d(x.value, { ...attributes, countPadding });
        return { op: averagePool2dOp, name: `${name}${countPadding ? ", padding counts" : ""}`, y, by: [x] };
      }),
    ];
  });
  const fixed = ADAPTIVE.map(({ image, size }): DerivativeCase => {
    const x = tensor("x", [2, 2, ...image], "uniform");
    return {
      op: adaptiveAveragePool2dOp,
      name: `${image} to ${size}`,
      y: adaptiveAveragePool2d(x.value, size),
      by: [x],
    };
  });
  return [...windows, ...fixed];
}
