/**
 * The networks that every peer builds, as plain data: a list of layers with all sizes, so that a peer need not infer
 * any. tailor builds its own network of the same name; the benchmark compares parameter counts.
 *
 *   { kind: "conv", inputs, outputs, kernel, stride, bias }   padded by half the kernel
 *   { kind: "norm", channels, axes: 4 | 2 }                   batch norm of images or vectors
 *   { kind: "relu" } { kind: "pool" } { kind: "average" }     2x2 max-pool; average of each plane
 *   { kind: "flatten", channels, size }                       [channels, size, size] -> vector
 *   { kind: "dense", inputs, outputs, bias }
 *   { kind: "dropout", rate, features }
 *   { kind: "residual", body, shortcut }
 */

export const IMAGE_SIZE = 28;
export const CLASSES = 10;
const DROPOUT_RATE = 0.3;

/** @returns the layers of `base`, `enhanced`, `resnet18`, or `stack-WIDTH-DEPTH` */
export function layersOf(network) {
  const [name, width, depth] = network.split("-");
  if (name === "stack") return stack(Number(width), Number(depth));
  const networks = { base, enhanced, resnet18 };
  if (!networks[name]) throw new Error(`no network "${network}"`);
  return networks[name]();
}

/** Number of trainable parameters of some layers. */
export function parameterCount(layers) {
  const counts = {
    conv: ({ inputs, outputs, kernel, bias }) => outputs * (inputs * kernel ** 2 + (bias ? 1 : 0)),
    norm: ({ channels }) => 2 * channels,
    dense: ({ inputs, outputs, bias }) => outputs * (inputs + (bias ? 1 : 0)),
    residual: ({ body, shortcut }) => parameterCount(body) + parameterCount(shortcut),
  };
  return layers.reduce((sum, layer) => sum + (counts[layer.kind]?.(layer) ?? 0), 0);
}

function base() {
  return [
    conv(1, 32, { bias: true }),
    { kind: "relu" },
    { kind: "pool" },
    conv(32, 64, { bias: true }),
    { kind: "relu" },
    { kind: "pool" },
    { kind: "flatten", channels: 64, size: IMAGE_SIZE / 4 },
    dense(3136, 128),
    { kind: "relu" },
    dense(128, CLASSES),
  ];
}

function enhanced() {
  return [
    ...convNormRelu(1, 32),
    ...convNormRelu(32, 32),
    { kind: "pool" },
    ...convNormRelu(32, 64),
    ...convNormRelu(64, 64),
    { kind: "pool" },
    ...convNormRelu(64, 128),
    { kind: "pool" },
    { kind: "flatten", channels: 128, size: 3 },
    dense(1152, 256, { bias: false }),
    { kind: "norm", channels: 256, axes: 2 },
    { kind: "relu" },
    { kind: "dropout", rate: DROPOUT_RATE, features: 256 },
    dense(256, CLASSES),
  ];
}

function resnet18() {
  const stages = [64, 128, 256, 512].flatMap((width, i) => [
    ...basicBlock(i === 0 ? width : width / 2, width, i === 0 ? 1 : 2),
    ...basicBlock(width, width, 1),
  ]);
  return [
    ...convNormRelu(1, 64, { stride: 2 }),
    ...stages,
    { kind: "average" },
    { kind: "flatten", channels: 512, size: 1 },
    dense(512, CLASSES),
  ];
}

function basicBlock(inputs, outputs, stride) {
  const body = [
    ...convNormRelu(inputs, outputs, { stride }),
    conv(outputs, outputs, { bias: false }),
    { kind: "norm", channels: outputs, axes: 4 },
  ];
  const shortcut =
    stride === 1
      ? []
      : [conv(inputs, outputs, { kernel: 1, stride, bias: false }), { kind: "norm", channels: outputs, axes: 4 }];
  return [{ kind: "residual", body, shortcut }, { kind: "relu" }];
}

/** For the plot of cost: two stages of `depth` convolutions with batch norm, `width` and twice as many channels. */
function stack(width, depth) {
  const stage = (inputs, outputs) => [
    ...Array.from({ length: depth }, (_, i) => convNormRelu(i === 0 ? inputs : outputs, outputs)).flat(),
    { kind: "pool" },
  ];
  return [
    ...stage(1, width),
    ...stage(width, 2 * width),
    { kind: "average" },
    { kind: "flatten", channels: 2 * width, size: 1 },
    dense(2 * width, CLASSES),
  ];
}

function conv(inputs, outputs, { kernel = 3, stride = 1, bias }) {
  return { kind: "conv", inputs, outputs, kernel, stride, bias };
}

function convNormRelu(inputs, outputs, { stride = 1 } = {}) {
  return [
    conv(inputs, outputs, { stride, bias: false }),
    { kind: "norm", channels: outputs, axes: 4 },
    { kind: "relu" },
  ];
}

function dense(inputs, outputs, { bias = true } = {}) {
  return { kind: "dense", inputs, outputs, bias };
}
