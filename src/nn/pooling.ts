import { IMAGE_AXES, requireAxes } from "../graph/shape.ts";
import { pair } from "../ops/convolution/window.ts";
import { globalAveragePool as globalAveragePoolOp, maxPool2d as maxPool2dOp } from "../ops/pooling.ts";
import {
  adaptiveAveragePool2d as adaptiveAveragePool2dOp,
  averagePool2d as averagePool2dOp,
  maxPoolWindows,
} from "../ops/window-pooling.ts";
import { FLAG, perAxis, requireOptions, requireSetting } from "../settings.ts";
import type { Layer, Size } from "./layer.ts";

const SIZE = perAxis({ least: 1 });
const PADDING = perAxis({ least: 0 });

/** Options of `maxPool2d`; the names and defaults are PyTorch's. */
export interface MaxPool2dOptions {
  /** Step of the window. Default: its size. */
  readonly stride?: Size;
  /** Rows and columns around the image that are never the largest; less than the window. Default 0. */
  readonly padding?: Size;
  /** Whether rows and columns left over at the end get a window of their own. Default false: they are ignored. */
  readonly ceilMode?: boolean;
}

/** Rows or columns to add at the end, so that those left over get a window too; PyTorch's rule: it starts in the image. */
function ceilPadding(size: number, window: number, stride: number, padding: number): number {
  const covered = size + 2 * padding - window;
  const steps = Math.ceil(covered / stride);
  const isOutside = steps * stride >= size + padding;
  return Math.max((isOutside ? steps - 1 : steps) * stride - covered, 0);
}

/**
 * Max pooling: [N, C, H, W] -> [N, C, P, Q], P = floor((H + 2 padding - size) / stride) + 1, Q alike.
 *
 * @throws UserError when a size is not a whole number from 1 up, or an option is unknown; ShapeError, when the model is
 *   built, if the window is larger than the image
 */
export function maxPool2d(size: Size, options: MaxPool2dOptions = {}): Layer {
  requireSetting("maxPool2d", "size", size, SIZE);
  requireOptions("maxPool2d", options, { stride: SIZE, padding: PADDING, ceilMode: FLAG });
  const { stride = size, padding = 0, ceilMode = false } = options;
  const [kernel, strides, around] = [pair(size), pair(stride), pair(padding)];
  const isSideBySide = String(kernel) === String(strides) && kernel[0] === kernel[1] && String(around) === "0,0";
  const details = [
    String(strides) === String(kernel) ? "" : `, stride ${stride}`,
    String(around) === "0,0" ? "" : `, padding ${padding}`,
    ceilMode ? ", windows at the end" : "",
  ];
  return {
    kind: "pool",
    description: `max-pool ${kernel.join("x")}${details.join("")}`,
    forward(x) {
      if (isSideBySide && !ceilMode) return maxPool2dOp(x, { size: kernel[0] });
      requireAxes("maxPool2d", "x", x.shape, IMAGE_AXES);
      const extra = [0, 1].map((axis) =>
        ceilMode ? ceilPadding(x.shape[2 + axis]!, kernel[axis]!, strides[axis]!, around[axis]!) : 0,
      );
      const pads = [...around, around[0] + extra[0]!, around[1] + extra[1]!] as const;
      return maxPoolWindows(x, { kernel, strides, pads });
    },
    toPytorch: () => {
      const settings = [
        python(size),
        ...(String(strides) === String(kernel) ? [] : [`stride=${python(stride)}`]),
        ...(String(around) === "0,0" ? [] : [`padding=${python(padding)}`]),
        ...(ceilMode ? ["ceil_mode=True"] : []),
      ];
      return { kind: "function", call: (x) => `F.max_pool2d(${x}, ${settings.join(", ")})` };
    },
  };
}

const python = (size: Size) => (typeof size === "number" ? String(size) : `(${size.join(", ")})`);

/** Options of `averagePool2d`; the names and defaults are PyTorch's. */
export interface AveragePool2dOptions {
  /** Step of the window. Default: its size. */
  readonly stride?: Size;
  /** Rows and columns of zeros around the image; less than the window. Default 0. */
  readonly padding?: Size;
  /** Whether those zeros count as pixels. Default true. */
  readonly countIncludePad?: boolean;
}

/** Average pooling: shapes and errors as `maxPool2d`. PyTorch's AvgPool2d. */
export function averagePool2d(size: Size, options: AveragePool2dOptions = {}): Layer {
  requireSetting("averagePool2d", "size", size, SIZE);
  requireOptions("averagePool2d", options, { stride: SIZE, padding: PADDING, countIncludePad: FLAG });
  const { stride = size, padding = 0, countIncludePad = true } = options;
  const [kernel, strides, [rows, columns]] = [pair(size), pair(stride), pair(padding)];
  return {
    kind: "avgpool",
    description: `average pool ${kernel.join("x")}, stride ${stride}${padding === 0 ? "" : `, padding ${padding}`}`,
    forward: (x) =>
      averagePool2dOp(x, { kernel, strides, pads: [rows, columns, rows, columns], countPadding: countIncludePad }),
    toPytorch: () => {
      const settings = `${python(size)}, stride=${python(stride)}, padding=${python(padding)}`;
      const count = countIncludePad ? "" : ", count_include_pad=False";
      return { kind: "function", call: (x) => `F.avg_pool2d(${x}, ${settings}${count})` };
    },
  };
}

/** Average pooling to a fixed size, whatever the image's: [N, C, H, W] -> [N, C, ...size]. PyTorch's AdaptiveAvgPool2d. */
export function adaptiveAveragePool2d(size: Size): Layer {
  requireSetting("adaptiveAveragePool2d", "size", size, SIZE);
  return {
    kind: "avgpool",
    description: `average pool to ${pair(size).join("x")}`,
    forward: (x) => adaptiveAveragePool2dOp(x, pair(size)),
    toPytorch: () => ({ kind: "function", call: (x) => `F.adaptive_avg_pool2d(${x}, ${python(size)})` }),
  };
}

/** Global average pooling: [N, C, H, W] -> [N, C, 1, 1]. */
export function globalAveragePool(): Layer {
  return {
    kind: "gap",
    description: "global average pool",
    forward: (x) => globalAveragePoolOp(x),
    toPytorch: () => ({ kind: "function", call: (x) => `F.adaptive_avg_pool2d(${x}, 1)` }),
  };
}
