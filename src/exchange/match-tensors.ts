import type { Report } from "../data/node/chain.ts";
import { UserError } from "../errors.ts";
import { quote } from "../formats/json.ts";
import type { NamedTensor } from "../formats/safetensors.ts";
import { formatShape } from "../graph/shape.ts";
import { buildModel, type ImageTask, type Model, withoutNormalization } from "../nn/model.ts";

/** Prefixes that PyTorch's wrappers add to every name: (Distributed)DataParallel and torch.compile. */
const WRAPPERS = ["module.", "_orig_mod."] as const;

/** Whether a tensor is PyTorch's count of batches of a batch norm layer, which inference does not use. */
export const isBatchCount = (name: string) => /(^|\.)num_batches_tracked$/.test(name);

/** Removes wrappers' prefixes from the names. @returns the tensors and the removed prefix */
export function withoutWrappers(tensors: readonly NamedTensor[]): { tensors: readonly NamedTensor[]; prefix: string } {
  const prefix = WRAPPERS.find(
    (wrapper) => tensors.length > 0 && tensors.every(({ name }) => name.startsWith(wrapper)),
  );
  if (prefix === undefined) return { tensors, prefix: "" };
  const inner = withoutWrappers(tensors.map((tensor) => ({ ...tensor, name: tensor.name.slice(prefix.length) })));
  return { tensors: inner.tensors, prefix: prefix + inner.prefix };
}

/**
 * Tensors under the network's own names, where the file has those of another program.
 *
 * @param report told so, with the first of them
 */
export function withOwnNames(tensors: readonly NamedTensor[], { published }: Model, report: Report): NamedTensor[] {
  const own = new Map(Object.entries(published?.otherNames ?? {}));
  const inFile = new Set(tensors.map(({ name }) => name));
  const renamed = tensors.map((tensor) => {
    const end = Math.max(tensor.name.lastIndexOf("."), 0);
    const name = `${own.get(tensor.name.slice(0, end))}${tensor.name.slice(end)}`;
    // A file with both is left as it is, so that the other's is refused.
    return own.has(tensor.name.slice(0, end)) && !inFile.has(name) ? { ...tensor, name } : tensor;
  });
  const at = renamed.findIndex(({ name }, i) => name !== tensors[i]!.name);
  if (at >= 0) report(`names of another program: ${tensors[at]!.name} is read as ${renamed[at]!.name}, and so on`);
  return renamed;
}

/** A dense layer's weight, where it is a 1x1 convolution's: a program that applies it to one pixel may have it so. */
function asDense(tensor: NamedTensor, wanted: readonly number[]): NamedTensor {
  const { shape } = tensor;
  const isDense = wanted.length === 2 && shape.length === 4 && shape[2] === 1 && shape[3] === 1;
  return isDense ? { ...tensor, shape: shape.slice(0, 2) } : tensor;
}

/**
 * Matches a file's tensors with a network's, and returns them in the order of PyTorch's state_dict.
 *
 * @param fileName for error messages
 * @throws UserError when they do not match, listing as PyTorch's load_state_dict does: the first missing name, the
 *   first unexpected one and the first with another shape, and how many more of each; or when a value is not finite
 */
export function matchTensors(
  tensors: readonly NamedTensor[],
  { model, task, fileName }: { model: Model; task: ImageTask; fileName: string },
): NamedTensor[] {
  const normalization = withoutNormalization(task);
  const graph = buildModel(model, { task, normalization, batchSize: 1, mode: "inference" });
  const wanted = graph.tensors.map(({ name, value }) => ({ name, shape: value.shape }));
  const shapes = new Map(wanted.map(({ name, shape }) => [name, shape]));
  const found = new Map(tensors.map((tensor) => [tensor.name, asDense(tensor, shapes.get(tensor.name) ?? [])]));
  const isSame = (a: readonly number[], b: readonly number[]) => formatShape(a) === formatShape(b);

  const problems = [
    firstOf(
      "missing",
      wanted.flatMap(({ name }) => (found.has(name) ? [] : [quote(name)])),
    ),
    firstOf(
      "unexpected",
      tensors.flatMap(({ name }) => (shapes.has(name) ? [] : [quote(name)])),
    ),
    firstOf(
      "size mismatch for",
      wanted.flatMap(({ name, shape }) => {
        const other = found.get(name);
        if (!other || isSame(other.shape, shape)) return [];
        return [`${quote(name)}, ${formatShape(other.shape)} in the file and ${formatShape(shape)} in the model`];
      }),
    ),
  ].filter((problem) => problem !== "");
  if (problems.length > 0) {
    const { channels, height, width, classes } = task;
    throw new UserError(
      `${fileName} does not hold the weights of model ${quote(model.name)} (${channels}x${height}x${width} images, ${classes} classes): ${problems.join("; ")}; name the model that they belong to, or export them again`,
    );
  }
  return wanted.map(({ name }) => {
    const tensor = found.get(name)!;
    const at = tensor.data.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) {
      throw new UserError(
        `${fileName}: tensor ${quote(name)} holds ${tensor.data[at]} at index ${at}; only finite float32 numbers make a network: train it again`,
      );
    }
    return tensor;
  });
}

/** `missing "a" (and 3 more)`; empty if there are none. */
function firstOf(what: string, items: readonly string[]): string {
  if (items.length === 0) return "";
  return `${what} ${items[0]}${items.length === 1 ? "" : ` (and ${items.length - 1} more)`}`;
}
