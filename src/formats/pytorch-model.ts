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

/** A layer as it stands in its model: its name in the list it belongs to, what reaches it, and the layers inside it. */
interface PlacedLayer {
  readonly name: string;
  readonly layer: Layer;
  readonly input: Shape;
  readonly children: readonly PlacedLayer[];
}

/** Longest line of the module; a nested call that would be longer becomes two statements. */
const LINE_CHARACTERS = 88;
const INDENT = "        ";

/**
 * The text of `model.py`: the network as a PyTorch module, its submodules named as its tensors are, raw pixels 0 to 255
 * in and logits out.
 *
 * @throws UserError when a layer does not say what it is in PyTorch
 */
export function pytorchModel(parts: {
  readonly model: Model;
  readonly task: ImageTask;
  readonly normalization: PixelNormalization;
  readonly classNames: readonly string[];
  /** What turns pictures into its pixels; left out: as Fashion-MNIST's garments. */
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

/** Runs the layers over symbolic pixels, as `buildModel` does, and notes where each stands. */
function placeLayers(model: Model, { channels, height, width, ...task }: ImageTask): PlacedLayer[] {
  const placed: PlacedLayer[] = [];
  const tensor = (name: string, shape: Shape) => input(name, shape);
  const contextInto = (list: PlacedLayer[]): LayerContext => ({
    mode: "inference",
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
 * Calls one after the other, the short ones nested: `F.relu(self.bn1(self.conv1(x)))`.
 *
 * @param from the variable that the first call takes @param to the one that results are kept in
 * @returns finished statements, and the expression that the last one left open
 */
function statements(layers: readonly PlacedLayer[], { from, to }: { from: string; to: string }) {
  const lines: string[] = [];
  let last = from;
  for (const placed of layers) {
    const form = formOf(placed);
    const isAround = form.kind !== "residual" && form.isAround === true;
    const call = (x: string) => (form.kind === "function" ? form.call(x) : `self.${placed.name}(${x})`);
    const isOpen = last !== from && last !== to;
    if (isOpen && (!isAround || call(last).length + INDENT.length + "return ".length > LINE_CHARACTERS)) {
      lines.push(`${to} = ${last}`);
      last = to;
    }
    last = call(last);
  }
  return { lines, last };
}

/** The statements of `__init__` that make the submodules, in the order of the state dict. */
function attributes(layers: readonly PlacedLayer[], classes: ReadonlyMap<string, string>, path: string): string {
  return layers
    .flatMap((placed) => {
      const form = formOf(placed);
      if (form.kind === "function") return [];
      const construct = form.kind === "module" ? form.construct : `${classes.get(`${path}${placed.name}`)!}()`;
      return [`${INDENT}self.${placed.name} = ${construct}\n`];
    })
    .join("");
}

/**
 * A class for each residual block, inner ones first; blocks that are alike share one.
 *
 * @param classes receives the class's name of each block's path
 */
function blockClasses(layers: readonly PlacedLayer[], classes: Map<string, string>): string {
  const known = new Map<string, string>();
  const visit = (inside: readonly PlacedLayer[], path: string): void => {
    for (const placed of inside) {
      const form = formOf(placed);
      if (form.kind !== "residual") continue;
      const own = `${path}${placed.name}`;
      visit(placed.children, `${own}.`);
      const body = statements(placed.children.slice(0, form.bodyLength), { from: "x", to: "y" });
      const shortcut = statements(placed.children.slice(form.bodyLength), { from: "x", to: "x" });
      // The body's result is kept before the shortcut may change x.
      const forward = [...body.lines, `y = ${body.last}`, ...shortcut.lines, `return y + ${shortcut.last}`];
      const text = [
        "    def __init__(self):",
        `${INDENT}super().__init__()`,
        `${attributes(placed.children, classes, `${own}.`)}`,
        "    def forward(self, x):",
        ...forward.map((line) => INDENT + line),
      ].join("\n");
      const name = known.get(text) ?? own.split(".").map(capitalized).join("");
      known.set(text, name);
      classes.set(own, name);
    }
  };
  visit(layers, "");
  return [...known].map(([text, name]) => `class ${name}(nn.Module):\n${text}\n\n\n`).join("");
}

const capitalized = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
