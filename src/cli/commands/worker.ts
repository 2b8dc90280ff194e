import { runWorker } from "../../queue/worker.ts";
import { counted } from "../../text.ts";
import { defineCommand } from "../command.ts";
import { THREADS_OPTION } from "../common-options.ts";
import { CUSTOM_DATA_OPTION, dataChoice, PREPARATION_OPTIONS } from "../custom-data.ts";
import { untilInterrupted } from "../interrupt.ts";
import { threads, wholeNumber } from "../parse.ts";

const DEFAULT_LOCK_SECONDS = 30;
/** A state takes tens of milliseconds on its way; a run that was killed is repeated from the last one. */
const DEFAULT_STORE_SECONDS = 5;
/** Milliseconds that a finished worker gets to end by itself. */
const LAST_MS = 3000;

export const worker = defineCommand({
  name: "worker",
  arguments: [{ name: "<queue-url>", description: "redis://, rediss:// or postgres://, as --queue of experiments" }],
  options: [
    CUSTOM_DATA_OPTION,
    ...PREPARATION_OPTIONS,
    {
      flags: "--recipe <file>",
      description: "a recipe's file with a network of your own, for jobs with the same network; may be repeated",
      isRepeatable: true,
    },
    {
      flags: "--backbone <file>",
      description:
        "the ONNX file of a pretrained network, or hf:OWNER/NAME[/FILE][@REVISION], for jobs on the same one; may be repeated",
      isRepeatable: true,
    },
    {
      flags: "--weights <file>",
      description:
        "weights for jobs that start from the same ones: a safetensors file, hf:OWNER/NAME[/FILE][@REVISION] or a run; may be repeated",
      isRepeatable: true,
    },
    THREADS_OPTION,
    {
      flags: "--lock <seconds>",
      description: "without a sign of life for so long, others take the worker's run over",
      default: String(DEFAULT_LOCK_SECONDS),
    },
    {
      flags: "--store-every <seconds>",
      description: "store a run's state, with which others take it over, after an epoch, but at most so often",
      default: String(DEFAULT_STORE_SECONDS),
    },
  ],
  examples: [
    "node bin/tailor.js worker redis://queue.example:6379",
    "node bin/tailor.js worker redis://queue.example:6379 --data photos --size 32 --recipe ./my-recipe.mjs",
    "node bin/tailor.js worker redis://queue.example:6379 --data photos --size 224 --backbone mobilenet.onnx",
  ],
  async run([url], options, output) {
    const trained = await runWorker({
      url: url ?? "",
      data: dataChoice(options),
      recipeFiles: options.recipe ?? [],
      backbones: options.backbone ?? [],
      weights: options.weights ?? [],
      threads: threads(options),
      lockSeconds: wholeNumber(options, "lock", { most: 3600 }) ?? DEFAULT_LOCK_SECONDS,
      storeSeconds: wholeNumber(options, "storeEvery", { least: 0, most: 3600 }) ?? DEFAULT_STORE_SECONDS,
      ended: untilInterrupted(),
      report: output.note,
    });
    output.say(`${counted(trained, "run")} trained`);
    output.result({ trained });
    // Connections that BullMQ could not close would keep the process.
    setTimeout(() => process.exit(), LAST_MS).unref();
    return 0;
  },
});
