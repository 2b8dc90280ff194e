import { UserError } from "../errors.ts";
import type { Shape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import type { Preparation } from "../imaging/preparation.ts";
import type { Layer, LayerContext } from "../nn/layer.ts";
import type { ImageTask, Model } from "../nn/model.ts";
import type { PytorchForm } from "../nn/pytorch-form.ts";
import { runSequence } from "../nn/sequential.ts";
import { input } from "../ops/leaves.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";
import { modelFile } from "./pytorch-template.ts";

/** A layer in its model: its name in its list, its input's shape, and the layers inside it. */
interface PlacedLayer {
  readonly name: string;
  readonly layer: Layer;
  readonly input: Shape;
  readonly children: readonly PlacedLayer[];
}

/** Maximum line length of the module; a longer nested call is split into two statements. */
const LINE_CHARACTERS = 88;
const INDENT = "        ";

/**
 * The text of `model.py`: the network as a PyTorch module whose submodules are named like its tensors; from pixels 0 to
 * 255 to logits.
 *
 * @throws UserError when a layer has no PyTorch equivalent (`toPytorch`)
 */
export function pytorchModel(parts: {
  readonly model: Model;
  readonly task: ImageTask;
  readonly normalization: PixelNormalization;
  readonly classNames: readonly string[];
  /** How pictures are converted to its input. Default: as garments, like Fashion-MNIST. */
  readonly preparation?: Preparation | undefined;
}): string {
  const { model, task } = parts;
  const classes = new Map<string, string>();
  const top = placeLayers(model, task);
  const body = statements(top, { from: "x", to: "x" });
  const forward = [...body.lines, `return ${body.last}`];
  return modelFile({
    ...parts,
    blocks: blockClasses(top, classes),
    attributes: attributes(top, classes, ""),
    forward: forward.map((line) => INDENT + line).join("\n"),
  });
}

/** Applies the layers to symbolic pixels, as `buildModel` does, and records each layer with its input's shape. */
function placeLayers(model: Model, { channels, height, width, ...task }: ImageTask): PlacedLayer[] {
  const placed: PlacedLayer[] = [];
  const tensor = (name: string, shape: Shape) => input(name, shape);
  const contextInto = (list: PlacedLayer[]): LayerContext => ({
    mode: "inference",
    statistics: "batch",
    parameter: tensor,
    buffer: tensor,
    updateBuffer: () => {},
    dropoutMask: (shape) => input("mask", shape, "uint8"),
    child(name: string, layer: Layer, x: Value) {
      const children: PlacedLayer[] = [];
      list.push({ name, layer, input: x.shape, children });
      return layer.forward(x, contextInto(children));
    },
  });
  const pixels = input("pixels", [1, channels, height, width]);
  const layers = model.layers({ channels, height, width, ...task });
  runSequence(`model "${model.name}"`, layers, pixels, contextInto(placed));
  return placed;
}

function formOf({ name, layer, input: x }: PlacedLayer): PytorchForm {
  if (layer.toPytorch) return layer.toPytorch(x);
  throw new UserError(
    (w) =>
      `layer ${name} (${layer.description}) does not say what it is in PyTorch; give it a \`toPytorch\`, or export with ${w.option("format", "onnx")}`,
  );
}

/**
 * The calls of the layers in sequence, short ones nested: `F.relu(self.bn1(self.conv1(x)))`.
 *
 * @param from the first call's input variable @param to the variable for results
 * @returns the statements, and the last expression, not yet assigned
 */
function statements(layers: readonly PlacedLayer[], { from, to }: { from: string; to: string }) {
  const lines: string[] = [];
  let last = from;
  for (const placed of layers) {
    const form = formOf(placed);
    const isAround = (form.kind === "module" || form.kind === "function") && form.isAround === true;
    const call = (x: string) => callOf(placed.name, form, x);
    const isOpen = last !== from && last !== to;
    if (isOpen && (!isAround || call(last).length + INDENT.length + "return ".length > LINE_CHARACTERS)) {
      lines.push(`${to} = ${last}`);
      last = to;
    }
    last = call(last);
  }
  return { lines, last };
}

/** The Python expression of a layer's result. */
function callOf(name: string, form: PytorchForm, x: string): string {
  if (form.kind === "function") return form.call(x);
  const module = isIdentifier(name) ? `self.${name}` : `getattr(self, "${name}")`;
  return form.kind === "module" && form.call ? form.call(module, x) : `${module}(${x})`;
}

/** Not so are the numbers of a sequence. */
const isIdentifier = (name: string) => /^[A-Za-z_]\w*$/.test(name);

/** The statements of `__init__` that create the submodules, in the order of the state dict. */
function attributes(layers: readonly PlacedLayer[], classes: ReadonlyMap<string, string>, path: string): string {
  return layers
    .flatMap((placed) => {
      const form = formOf(placed);
      if (form.kind === "function") return [];
      const construct = form.kind === "module" ? form.construct : `${classes.get(`${path}${placed.name}`)!}()`;
      const { name } = placed;
      return [
        `${INDENT}${isIdentifier(name) ? `self.${name} = ${construct}` : `setattr(self, "${name}", ${construct})`}\n`,
      ];
    })
    .join("");
}

/** The statements of a block's `forward`. */
function blockForward({ children }: PlacedLayer, form: PytorchForm): readonly string[] {
  switch (form.kind) {
    case "block":
      return form.forward;
    case "sequence": {
      const { lines, last } = statements(children, { from: "x", to: "x" });
      return [...lines, `return ${last}`];
    }
    case "residual": {
      const body = statements(children.slice(0, form.bodyLength), { from: "x", to: "y" });
      const shortcut = statements(children.slice(form.bodyLength), { from: "x", to: "x" });
      // The body's result is assigned first, as the shortcut may overwrite x.
      return [...body.lines, `y = ${body.last}`, ...shortcut.lines, `return y + ${shortcut.last}`];
    }
    default:
      throw new Error(`a ${form.kind} has no layers inside`);
  }
}

/**
 * Classes for the layers that have others inside, inner ones first; identical ones share one.
 *
 * @param classes receives the class name for each block's path
 */
function blockClasses(layers: readonly PlacedLayer[], classes: Map<string, string>): string {
  const known = new Map<string, string>();
  const visit = (inside: readonly PlacedLayer[], path: string): void => {
    for (const placed of inside) {
      const form = formOf(placed);
      if (form.kind === "module" || form.kind === "function") continue;
      const own = `${path}${placed.name}`;
      visit(placed.children, `${own}.`);
      const forward = blockForward(placed, form);
      const text = [
        "    def __init__(self):",
        `${INDENT}super().__init__()`,
        `${attributes(placed.children, classes, `${own}.`)}`,
        "    def forward(self, x):",
        ...forward.map((line) => INDENT + line),
      ].join("\n");
      const name = known.get(text) ?? classNameOf(own);
      known.set(text, name);
      classes.set(own, name);
    }
  };
  visit(layers, "");
  return [...known].map(([text, name]) => `class ${name}(nn.Module):\n${text}\n\n\n`).join("");
}

/** `layer1.0.conv1` -> `Layer1_0Conv1`. */
const classNameOf = (path: string) =>
  path
    .split(".")
    .map((word) => (isIdentifier(word) ? capitalized(word) : `_${word}`))
    .join("");

const capitalized = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
