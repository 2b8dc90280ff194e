import type { LoadedData } from "../data/node/chain.ts";
import { UserError } from "../errors.ts";
import { checkExportTarget, type ExportTarget } from "../runs/node/export-files.ts";
import { openRun, type Run } from "../runs/node/run-files.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { engineLogits, imagesToCompare, largestDifference } from "./logits.ts";
import { readNetwork, recordFacts } from "./network.ts";
import { type ExportJob, writeOnnx, writePytorch, writeSafetensors } from "./write-formats.ts";

export const EXPORT_FORMATS = ["onnx", "safetensors", "pytorch"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What is added to a run's name, where no other is given. */
export const EXPORT_ENDINGS: Readonly<Record<ExportFormat, string>> = {
  onnx: ".onnx",
  safetensors: ".safetensors",
  pytorch: "-pytorch",
};

/** A larger difference between an exported network's logits and the training engine's is no rounding. */
const TOLERANCE = 1e-4;

/** What is written where, and what it is compared on. */
export interface ExportOptions {
  readonly format: ExportFormat;
  /** The file; for PyTorch the folder. */
  readonly out: string;
  /** Replace what is there. */
  readonly force: boolean;
  /** Images to compare on; undefined: noise is taken. */
  readonly data: LoadedData | undefined;
  readonly threads: number;
  readonly runtime: Runtime;
}

/** What was written, and how near it is to the training engine. */
export interface Exported {
  readonly file: string;
  readonly format: ExportFormat;
  /**
   * Largest difference from the logits of the training engine. ONNX: those of the file itself, run by ONNX Runtime;
   * safetensors and PyTorch: those of the engine with the weights that were read back from the file.
   */
  readonly maxLogitDifference: number;
  /** Images that were compared, and whether they are test images or noise. */
  readonly images: number;
  readonly imagesFrom: "test" | "noise";
}

/**
 * Writes the network of a finished or imported run for other programs, and compares what was written with the training
 * engine.
 *
 * @throws UserError when the run or the target is refused, or a logit differs by more than 1e-4: an ONNX file is then not written
 */
export async function exportRun(
  run: string | Run,
  { format, out, force, data, threads, runtime }: ExportOptions,
): Promise<Exported> {
  const opened = openRun(run);
  const target: ExportTarget = { path: out, isFolder: format === "pytorch", force };
  checkExportTarget(target);
  const network = await readNetwork(opened, data);
  const { images, imagesFrom } = imagesToCompare(network.task, data);
  const engine = { runtime, threads };
  const expected = await engineLogits(network, network.tensors, images, engine);
  const outcome = format === "onnx" ? "it was not written" : "do not use what was written";
  const difference = (logits: Float32Array) => {
    const largest = largestDifference(logits, expected, out);
    if (largest <= TOLERANCE) return largest;
    throw new UserError(
      `${out}: logits differ by up to ${largest.toExponential(1)} from the training engine's, more than ${TOLERANCE.toExponential(0)}: ${outcome}; please report this as a defect of tailor's, with run.json`,
    );
  };
  const job: ExportJob = { network, target, images, expected, engine, difference, facts: recordFacts(opened.record) };
  const maxLogitDifference = await WRITERS[format](job);
  return { file: out, format, maxLogitDifference, images: images.count, imagesFrom };
}

const WRITERS: Readonly<Record<ExportFormat, (job: ExportJob) => Promise<number>>> = {
  onnx: writeOnnx,
  safetensors: writeSafetensors,
  pytorch: writePytorch,
};
