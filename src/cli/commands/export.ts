import type { LoadedData } from "../../data/node/chain.ts";
import { UserError } from "../../errors.ts";
import { EXPORT_ENDINGS, EXPORT_FORMATS, type ExportFormat, exportRun, isCopied } from "../../exchange/export-run.ts";
import { OPSET_VERSION } from "../../onnx/graph-writer.ts";
import { defaultExportPath } from "../../runs/node/export-files.ts";
import { openRun, type Run } from "../../runs/node/run-files.ts";
import { nodeRuntime } from "../../runtime/node/index.ts";
import { count } from "../../text.ts";
import { defineCommand } from "../command.ts";
import { THREADS_OPTION } from "../common-options.ts";
import { dataOfRun, type TypedData } from "../custom-data.ts";
import { noteUnverified } from "../named-runs.ts";
import type { Output } from "../output.ts";
import { path, threads } from "../parse.ts";
import { IN_FLAGS } from "../wording.ts";

export const exportCommand = defineCommand({
  name: "export",
  arguments: [{ name: "<run>", description: "a folder of a finished or imported run" }],
  options: [
    {
      flags: "--format <format>",
      description:
        "onnx: one model file; safetensors: the weights, by PyTorch's names; pytorch: a folder with model.py and weights",
      choices: EXPORT_FORMATS,
      default: "onnx",
    },
    { flags: "--out <path>", description: "the file or folder", default: "<run>.onnx, .safetensors or -pytorch" },
    { flags: "--force", description: "replace what is there" },
    {
      flags: "--data <path>",
      description: "where the run's data are now, on whose test images the logits are compared",
      default: "where they were; noise where they cannot be had",
    },
    THREADS_OPTION,
  ],
  examples: [
    "node bin/tailor.js export runs/best --out best.onnx",
    "node bin/tailor.js export runs/best --format pytorch --out best-pytorch",
  ],
  async run([run], options, output) {
    if (!run) throw new UserError("name the folder of the run to export", { exitCode: 2 });
    const format = options.format ?? "onnx";
    const out = path(options, "out") ?? defaultExportPath(run, EXPORT_ENDINGS[format]);
    const opened = openRun(run); // A folder that is no run is refused before data are looked for.
    noteUnverified([opened], output);
    const exported = await exportRun(opened, {
      format,
      out,
      force: options.force === true,
      data: isCopied(opened, format) ? undefined : await dataToCompare(opened, options, output),
      threads: threads(options),
      runtime: nodeRuntime,
    });
    const { maxLogitDifference, images, imagesFrom } = exported;
    const opset = format === "onnx" && imagesFrom !== null ? { opset: OPSET_VERSION } : {};
    if (maxLogitDifference === null) {
      output.say(`ONNX model, backbone and classifier: ${out} (a copy of the run's own, whose checksum is right)`);
    } else {
      const which = imagesFrom === "test" ? "test images" : "images of noise";
      output.say(`${WHAT[format]}: ${out}`);
      output.say(
        `largest logit difference from the training engine, over ${count(images)} ${which}: ${maxLogitDifference.toExponential(1)}`,
      );
    }
    output.say(NEXT[format](out));
    output.result({ run, ...exported, ...opset });
    return 0;
  },
});

const WHAT: Readonly<Record<ExportFormat, string>> = {
  onnx: `ONNX model, opset ${OPSET_VERSION}`,
  safetensors: "weights",
  pytorch: "PyTorch module and weights",
};

/** What to do with the exported file. */
const NEXT: Readonly<Record<ExportFormat, (out: string) => string>> = {
  onnx: () => `input "pixels" float32 [batch, channels, height, width], 0 to 255; outputs "logits", "probabilities"`,
  safetensors: () => "(the weights as they were read back, in the training engine)",
  pytorch: (out) =>
    `(the weights as they were read back, in the training engine; check the module with: python3 ${out}/model.py)`,
};

/** The data, or nothing where it cannot be had and was not asked for: then noise is compared. */
async function dataToCompare(run: Run, options: TypedData, output: Output): Promise<LoadedData | undefined> {
  try {
    return await dataOfRun(run, options, output);
  } catch (error) {
    if (options.data !== undefined || !(error instanceof UserError)) throw error;
    output.note(`no test images, so logits are compared on noise: ${error.worded(IN_FLAGS)}`);
    return undefined;
  }
}
