import type { Report } from "../data/node/chain.ts";
import { UserError } from "../errors.ts";
import { factsFromText, type StatedFacts } from "../formats/network-facts.ts";
import { decodeSafetensors, type NamedTensor } from "../formats/safetensors.ts";
import { PUBLISHED_TYPES } from "../formats/safetensors-dtypes.ts";
import { headTensors } from "../nn/head.ts";
import { buildModel, type ImageTask, initialTensors, type Model, withoutNormalization } from "../nn/model.ts";
import { readOutsideFile } from "../runs/node/export-files.ts";
import { checkSeal } from "../runs/node/hashes.ts";
import { inputBeside, type StatedInput } from "./input-beside.ts";
import { isBatchCount, withoutWrappers } from "./match-tensors.ts";

/** A safetensors file of weights from anywhere. */
export interface WeightsFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Without PyTorch's counts of batches, and under the names of the network itself; floats of any width are float32. */
  readonly tensors: readonly NamedTensor[];
  /** What its metadata say of the network, otherwise a configuration next to it. */
  readonly facts: StatedFacts;
  /** Whether the configuration does. */
  readonly isStatedBeside: boolean;
  /** The checksum of its weights that its metadata state, if tailor exported it. */
  readonly weightsSha256: string | undefined;
}

/**
 * Reads weights from safetensors, with PyTorch's names and layouts.
 *
 * @param report told which wrapper's prefix was taken off the names
 * @throws UserError when the file is missing, damaged or of another format
 */
export function readWeightsFile(file: string, report: Report): WeightsFile {
  const { bytes, sha256 } = readOutsideFile(file);
  requireNoCheckpoint(file, bytes);
  checkSeal(bytes, "safetensors", file);
  const read = decodeSafetensors(bytes, file, { types: PUBLISHED_TYPES, skip: isBatchCount });
  const { tensors, prefix } = withoutWrappers(read.tensors);
  if (prefix !== "") report(`every name begins with "${prefix}", as PyTorch's wrappers leave it: taken off`);
  const facts = factsFromText(read.metadata, file);
  const beside = facts.normalization ? undefined : inputBeside(file, IMAGE_CHANNELS);
  return {
    file,
    bytes: bytes.length,
    sha256,
    tensors,
    facts: beside ? { ...factsOf(beside), ...facts } : facts,
    isStatedBeside: beside !== undefined,
    weightsSha256: read.metadata.weightsSha256,
  };
}

/** Of networks whose configuration does not count them. */
const IMAGE_CHANNELS = 3;

function factsOf({ normalization, size }: StatedInput): StatedFacts {
  return { normalization, ...(size && { image: { channels: normalization.mean.length, ...size } }) };
}

/** First bytes of files of `torch.save`: zip archives, or pickles in old versions. */
const CHECKPOINT_STARTS = [
  [0x50, 0x4b, 0x03, 0x04],
  [0x80, 0x02],
] as const;

/** Where the header of a safetensors file begins, with this byte; its length before may have any value. */
const [HEADER_START, BRACE] = [8, 0x7b];

/** @throws UserError when the file was written by `torch.save` */
function requireNoCheckpoint(file: string, bytes: Uint8Array): void {
  if (bytes[HEADER_START] === BRACE || !CHECKPOINT_STARTS.some((start) => start.every((byte, i) => bytes[i] === byte)))
    return;
  throw new UserError(
    `${file} looks like a checkpoint of PyTorch (torch.save), which can hold programs and is not read; write the weights as safetensors: safetensors.torch.save_file(model.state_dict(), "weights.safetensors")`,
  );
}

/** The tensors that depend on the number of classes, and that number in a file. */
interface Head {
  readonly names: readonly string[];
  readonly classes: number;
}

/** The head of a file's weights; undefined where it does not have the network's. */
export function headOf(model: Model, task: ImageTask, tensors: readonly NamedTensor[]): Head | undefined {
  const names = headTensors(model, task);
  const classes = tensors.find(({ name }) => name === names[0])?.shape[0];
  return classes === undefined || classes === 0 ? undefined : { names, classes };
}

/**
 * Tensors with new initial weights for the head.
 *
 * @param tensors as `matchTensors` gives them for the file's own number of classes
 * @param seed of the new weights
 * @param rows of each class the class of the file whose weights it keeps, if any. Default: none
 */
export function withFreshHead(
  tensors: readonly NamedTensor[],
  { names, classes }: Head,
  {
    model,
    task,
    seed,
    rows = [],
  }: { model: Model; task: ImageTask; seed: number; rows?: readonly (number | undefined)[] },
): NamedTensor[] {
  const normalization = withoutNormalization(task);
  const graph = buildModel(model, { task, normalization, batchSize: 1, mode: "inference" });
  const fresh = initialTensors(graph, seed);
  const shapes = new Map(graph.tensors.map(({ name, value }) => [name, value.shape]));
  return tensors.map((tensor) => {
    if (!names.includes(tensor.name)) return tensor;
    const shape = shapes.get(tensor.name)!;
    const data = fresh.get(tensor.name)!;
    // The first axis is the classes', in PyTorch's dense layers and convolutions.
    const size = data.length / task.classes;
    const isByRow = shape[0] === task.classes && tensor.data.length === size * classes;
    for (const [row, from] of isByRow ? rows.entries() : []) {
      if (from !== undefined) data.set(tensor.data.subarray(from * size, (from + 1) * size), row * size);
    }
    return { name: tensor.name, shape, data };
  });
}

/** @throws UserError when the file, which tailor exported, states another checksum of its weights than `found` */
export function requireStatedWeights({ file, weightsSha256: stated }: WeightsFile, found: string): void {
  if (stated === undefined || stated === found) return;
  throw new UserError(
    `${file}: the SHA-256 of its weights is ${found}, its metadata field weightsSha256 says ${stated}: it is damaged, or was changed; export it again (if another program changed the weights on purpose, remove that field)`,
  );
}
