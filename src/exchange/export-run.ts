import type { LoadedData } from "../data/node/chain.ts";
import { UserError } from "../errors.ts";
import { checkExportTarget, type ExportTarget, writeExportedFile } from "../runs/node/export-files.ts";
import { openRun, type Run, readModel, requireTrained } from "../runs/node/run-files.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { engineLogits, imagesToCompare, largestDifference } from "./logits.ts";
import { readNetwork, recordFacts } from "./network.ts";
import { type ExportJob, writeOnnx, writePytorch, writeSafetensors } from "./write-formats.ts";

export const EXPORT_FORMATS = ["onnx", "safetensors", "pytorch"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Suffixes of a run's name for default output paths. */
export const EXPORT_ENDINGS: Readonly<Record<ExportFormat, string>> = {
  onnx: ".onnx",
  safetensors: ".safetensors",
  pytorch: "-pytorch",
};

/** Maximum difference between an exported network's logits and the training engine's; larger ones are not rounding. */
const TOLERANCE = 1e-4;

/** Options of an export. */
export interface ExportOptions {
  readonly format: ExportFormat;
  /** Output file; for PyTorch the output folder. */
  readonly out: string;
  /** Overwrite existing output. */
  readonly force: boolean;
  /** Data for the comparison of logits; noise if undefined. */
  readonly data: LoadedData | undefined;
  readonly threads: number;
  readonly runtime: Runtime;
}

/** Result of an export. */
export interface Exported {
  readonly file: string;
  readonly format: ExportFormat;
  /**
   * Largest difference from the logits of the training engine. For ONNX the file itself is run by ONNX Runtime; for
   * safetensors and PyTorch the engine is run with the weights read back from the file. Null for a copy (`isCopied`).
   */
  readonly maxLogitDifference: number | null;
  /** Number of compared images, and whether they are test images or noise; null where none was compared. */
  readonly images: number;
  readonly imagesFrom: "test" | "noise" | null;
}

/**
 * Whether the exported file is a copy of the run's own, whose checksum is checked: the backbone of a transfer run has no layers
 * that the training engine could compute, and nothing to compare with.
 */
export function isCopied({ record }: Run, format: ExportFormat): boolean {
  return format === "onnx" && record.status !== "imported" && record.recipe.backbone !== undefined;
}

/**
 * Exports the network of a finished or imported run for other programs, and compares the result with the training
 * engine.
 *
 * @throws UserError when the run or the output path is invalid, or a logit differs by more than 1e-4 (an ONNX file is
 *   then not written)
 */
export async function exportRun(
  run: string | Run,
  { format, out, force, data, threads, runtime }: ExportOptions,
): Promise<Exported> {
  const opened = openRun(run);
  const target: ExportTarget = { path: out, isFolder: format === "pytorch", force };
  checkExportTarget(target);
  if (isCopied(opened, format)) {
    requireTrained(opened);
    writeExportedFile(target, readModel(opened));
    return { file: out, format, maxLogitDifference: null, images: 0, imagesFrom: null };
  }
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
