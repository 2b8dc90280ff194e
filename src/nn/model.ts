import { UserError } from "../errors.ts";
import { claim, type Origin, type Origins } from "../graph/origin.ts";
import { formatShape, type Shape, sizeOf } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { input } from "../ops/leaves.ts";
import { normalizePixels, type PixelNormalization } from "../ops/normalize-pixels.ts";
import { randomStream } from "../random.ts";
import type { Initializer } from "./init.ts";
import type { Layer, LayerContext, Mode } from "./layer.ts";
import { runSequence } from "./sequential.ts";

/** Input and output of a classifier: the images' size and the number of classes. */
export interface ImageTask {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly classes: number;
}

/** A network: its layers for a given task (the last layer has one output per class). */
export interface Model {
  readonly name: string;
  /** The layers for this task, in order of execution. */
  readonly layers: (task: ImageTask) => readonly Layer[];
  /**
   * Maximum default edge of images made from pictures, in pixels. Default 64, as a dense layer over all places grows
   * with the image's area.
   */
  readonly maxDefaultSize?: number | undefined;
  /**
   * For the head of a frozen network: its input is not images but so many features, which that network makes of each
   * image.
   */
  readonly features?: number | undefined;
  /** What weights that others have published for this network expect; for `summary`, and where a file of weights says nothing. */
  readonly published?:
    | {
        readonly image: Pick<ImageTask, "channels" | "height" | "width">;
        readonly classes: number;
        readonly normalization: PixelNormalization;
        /** Names that other programs give to its modules, and the name each has here: `conv_stem` is `features.0.0`. */
        readonly otherNames?: Readonly<Record<string, string>> | undefined;
      }
    | undefined;
}

/** A parameter or buffer of a model: PyTorch's name and canonical shape. */
export interface TensorDeclaration {
  readonly name: string;
  readonly value: Value;
  readonly initialize: Initializer;
}

/** A buffer of a model, and its value after a step. */
export interface BufferDeclaration extends TensorDeclaration {
  readonly next: Value | undefined;
  /** For a running average of batch statistics: the weight of each batch. */
  readonly momentum: number | undefined;
}

/** A dropout mask of a model: bytes drawn for each step. */
export interface MaskDeclaration {
  readonly name: string;
  readonly value: Value;
  readonly rate: number;
}

/** One layer of a model after it was built. */
export interface LayerFacts {
  readonly name: string;
  readonly description: string;
  /** Includes the batch axis, first. */
  readonly outputShape: Shape;
  readonly parameters: number;
  /** Multiply-adds for one image, in convolutions and matrix products. */
  readonly multiplyAdds: number;
}

/**
 * A model as a graph: from pixels [batch, channels, height, width] to logits [batch, classes]. The pixels of a head are
 * features, [batch, features].
 */
export interface ModelGraph {
  readonly pixels: Value;
  readonly logits: Value;
  readonly parameters: readonly TensorDeclaration[];
  readonly buffers: readonly BufferDeclaration[];
  /** Parameters and buffers in the order of PyTorch's state_dict: a layer's own first, as it declares them, then its layers'. */
  readonly tensors: readonly TensorDeclaration[];
  readonly masks: readonly MaskDeclaration[];
  readonly layers: readonly LayerFacts[];
  /**
   * The layer of each value, layers inside blocks as `block1.conv2`; values before the first layer belong to `pixels`.
   */
  readonly origins: Origins;
}

/** How to build a model's graph. */
export interface ModelGraphOptions {
  readonly task: ImageTask;
  readonly batchSize: number;
  readonly mode: Mode;
  readonly normalization: PixelNormalization;
  /** Default uint8, as in training; an exported model takes floats from 0 to 255. */
  readonly pixelType?: "uint8" | "float32";
  /** What batch norm normalises by in training. Default: the batch's statistics. */
  readonly statistics?: LayerContext["statistics"] | undefined;
}

/**
 * Builds a model's graph, from pixels [batch, channels, height, width] to logits [batch, classes].
 *
 * @throws ShapeError that names the layer when the layers do not fit each other or the images
 */
export function buildModel(
  model: Model,
  { task, batchSize, mode, normalization, pixelType = "uint8", statistics = "batch" }: ModelGraphOptions,
): ModelGraph {
  const pixels =
    model.features === undefined
      ? input("pixels", [batchSize, task.channels, task.height, task.width], pixelType)
      : input("pixels", [batchSize, model.features]);
  const parameters: TensorDeclaration[] = [];
  const buffers = new Map<Value, { -readonly [Key in keyof BufferDeclaration]: BufferDeclaration[Key] }>();
  const tensors = new Map<string, TensorDeclaration>();
  const masks: MaskDeclaration[] = [];
  const layers: LayerFacts[] = [];
  const origins = new Map<Value, Origin>();

  const contextFor = (path: string): LayerContext => {
    const qualified = (name: string) => [path, name].filter((part) => part !== "").join(".");
    const declare = (name: string, shape: Shape, initialize: Initializer): TensorDeclaration => {
      const declaration = { name: qualified(name), value: input(qualified(name), shape), initialize };
      if (tensors.has(declaration.name)) {
        throw new UserError(
          `model "${model.name}": two tensors are named ${declaration.name}; give each layer, and each tensor of a layer, a name of its own`,
          { exitCode: 2 },
        );
      }
      tensors.set(declaration.name, declaration);
      origins.set(declaration.value, { layer: path, pass: "forward" });
      return declaration;
    };
    return {
      mode,
      statistics,
      parameter(name, shape, initialize) {
        const declaration = declare(name, shape, initialize);
        parameters.push(declaration);
        return declaration.value;
      },
      buffer(name, shape, initial) {
        const declaration = declare(name, shape, (size) => new Float32Array(sizeOf(size)).fill(initial));
        buffers.set(declaration.value, { ...declaration, next: undefined, momentum: undefined });
        return declaration.value;
      },
      updateBuffer(buffer, next, momentum) {
        const entry = buffers.get(buffer);
        if (!entry) throw new Error("updateBuffer: not a buffer of this model");
        entry.next = next;
        entry.momentum = momentum;
      },
      dropoutMask(shape, rate) {
        const name = qualified("mask");
        const value = input(name, shape, "uint8");
        masks.push({ name, value, rate });
        return value;
      },
      child(name, layer, x) {
        const y = layer.forward(x, contextFor(qualified(name)));
        claim(origins, [y], { layer: qualified(name), pass: "forward" });
        return y;
      },
    };
  };

  // Values and tensors of earlier layers are not visited again, so that build time is linear in the number of layers.
  const counted = new Set<Value>();
  let declaredBefore = 0;
  const visit = (name: string, layer: Layer, y: Value) => {
    const added = newBelow(y, counted);
    const declared = parameters.slice(declaredBefore);
    declaredBefore = parameters.length;
    layers.push({
      name,
      description: layer.description,
      outputShape: y.shape,
      parameters: declared.reduce((sum, { value }) => sum + sizeOf(value.shape), 0),
      multiplyAdds: added.reduce((sum, value) => sum + (value.op.multiplyAdds?.(value) ?? 0), 0) / batchSize,
    });
  };
  const normalized = model.features === undefined ? normalizePixels(pixels, normalization) : pixels;
  claim(origins, [normalized], { layer: "pixels", pass: "forward" });
  const logits = runSequence(`model "${model.name}"`, model.layers(task), normalized, contextFor(""), "", visit);
  if (formatShape(logits.shape) !== formatShape([batchSize, task.classes])) {
    throw new UserError(
      `model "${model.name}" must end with one output for each of ${task.classes} classes, ${formatShape([batchSize, task.classes])}; its last layer gives ${formatShape(logits.shape)}`,
      { exitCode: 2 },
    );
  }
  return {
    pixels,
    logits,
    parameters,
    buffers: [...buffers.values()],
    tensors: stateDictOrder([...tensors.values()], 0),
    masks,
    layers,
    origins,
  };
}

/** Tensors below one module: those whose names end at this depth, then those of each module inside, as they first appear. */
function stateDictOrder(tensors: readonly TensorDeclaration[], depth: number): TensorDeclaration[] {
  const inside = new Map<string, TensorDeclaration[]>();
  const own: TensorDeclaration[] = [];
  for (const tensor of tensors) {
    const path = tensor.name.split(".");
    const module = path[depth]!;
    if (path.length === depth + 1) own.push(tensor);
    else inside.set(module, [...(inside.get(module) ?? []), tensor]);
  }
  return [...own, ...[...inside.values()].flatMap((some) => stateDictOrder(some, depth + 1))];
}

/** The values that `y` depends on and that are not in `counted` yet; adds them to it. Stops at those that are. */
function newBelow(y: Value, counted: Set<Value>): Value[] {
  const added: Value[] = [];
  const waiting = [y];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (counted.has(value)) continue;
    counted.add(value);
    added.push(value);
    waiting.push(...value.inputs);
  }
  return added;
}

/** Normalization that leaves pixels from 0 to 1, for graphs that are built for their shapes only. */
export function withoutNormalization({ channels }: ImageTask): PixelNormalization {
  return { mean: new Array<number>(channels).fill(0), standardDeviation: new Array<number>(channels).fill(1) };
}

/** Initial values of a model's parameters and buffers, by name. Each tensor is drawn from its own random stream. */
export function initialTensors(graph: ModelGraph, seed: number): Map<string, Float32Array> {
  return new Map(
    graph.tensors.map(({ name, value, initialize }, i) => [
      name,
      initialize(value.shape, randomStream(seed, "init", i)),
    ]),
  );
}
