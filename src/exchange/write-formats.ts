import type { ImageSet } from "../data/image-set.ts";
import { UserError } from "../errors.ts";
import { inferenceModel } from "../formats/inference-model.ts";
import { factsToText } from "../formats/network-facts.ts";
import { pytorchModel } from "../formats/pytorch-model.ts";
import { PYTORCH_FILES } from "../formats/pytorch-template.ts";
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from "../formats/safetensors.ts";
import {
  type ExportTarget,
  readOutsideFile,
  writeExportedFile,
  writeExportedFolder,
} from "../runs/node/export-files.ts";
import { BLANK_SEAL, seal, sealedSafetensors, weightsSha256 } from "../runs/node/hashes.ts";
import { openModel } from "../runtime/node/open-model.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { engineLogits, fileLogits } from "./logits.ts";
import { matchTensors } from "./match-tensors.ts";
import type { TrainedNetwork } from "./network.ts";

/** Input of each format's writer. */
export interface ExportJob {
  readonly network: TrainedNetwork;
  readonly target: ExportTarget;
  /** Images for the comparison, and the training engine's logits for them. */
  readonly images: ImageSet;
  readonly expected: Float32Array;
  readonly engine: { readonly runtime: Runtime; readonly threads: number };
  /** The largest difference from the engine's logits. @throws UserError when it is too large */
  readonly difference: (logits: Float32Array) => number;
  /** Text fields for the file. */
  readonly facts: Readonly<Record<string, string>>;
}

/** Number of images with logits in a PyTorch export, so that it can be verified after installation. */
const CHECK_IMAGES = 8;

/** Writes the ONNX file, after running it. @returns the largest logit difference, as each writer does */
export async function writeOnnx({ network, target, images, engine, difference, facts }: ExportJob): Promise<number> {
  const tensors = new Map(network.tensors.map(({ name, data }) => [name, data]));
  const bytes = seal(inferenceModel({ ...network, tensors, facts: { ...facts, ...BLANK_SEAL } }), "onnx");
  const session = await openModel(bytes, target.path, engine);
  try {
    const largest = difference(await fileLogits(session, images));
    writeExportedFile(target, bytes);
    const found = readOutsideFile(target.path).bytes;
    if (found.length !== bytes.length || found.some((byte, i) => byte !== bytes[i])) throw changedOnDisk(target.path);
    return largest;
  } finally {
    await session.release();
  }
}

export async function writeSafetensors(job: ExportJob): Promise<number> {
  const { target } = job;
  writeExportedFile(target, weightsFile(job));
  return differenceOfFile(job, target.path);
}

/** Writes a folder with the network as Python code, its weights, and some images with logits for verification. */
export async function writePytorch(job: ExportJob): Promise<number> {
  const { network, target } = job;
  writeExportedFolder(target, {
    [PYTORCH_FILES.model]: pytorchModel(network),
    [PYTORCH_FILES.check]: checkFile(job),
    [PYTORCH_FILES.weights]: weightsFile(job),
  });
  return differenceOfFile(job, `${target.path}/${PYTORCH_FILES.weights}`);
}

function weightsFile({ network, facts }: ExportJob): Uint8Array {
  return sealedSafetensors(network.tensors, { ...facts, ...factsToText({ ...network, model: network.model.name }) });
}

function checkFile({ network: { task }, images, expected }: ExportJob): Uint8Array {
  const count = Math.min(CHECK_IMAGES, images.count);
  const { channels, height, width, classes } = task;
  const pixels = Float32Array.from(images.images.read(0, count));
  return encodeSafetensors([
    { name: "pixels", shape: [count, channels, height, width], data: pixels },
    { name: "logits", shape: [count, classes], data: expected.slice(0, count * classes) },
  ]);
}

/** Reads the weights back and compares them bit by bit, and their logits in the training engine. */
async function differenceOfFile({ network, images, engine, difference }: ExportJob, file: string): Promise<number> {
  const { tensors } = decodeSafetensors(readOutsideFile(file).bytes, file);
  const read: NamedTensor[] = matchTensors(tensors, { ...network, fileName: file });
  if (weightsSha256(read) !== weightsSha256(network.tensors)) throw changedOnDisk(file);
  return difference(await engineLogits(network, read, images, engine));
}

function changedOnDisk(file: string): UserError {
  return new UserError(`${file} does not hold what was written to it; write it to another disk`);
}
