import { runWorker } from "../../queue/worker.ts";
import { counted } from "../../text.ts";
import { defineCommand } from "../command.ts";
import { THREADS_OPTION } from "../common-options.ts";
import { CUSTOM_DATA_OPTION, dataChoice, PREPARATION_OPTIONS } from "../custom-data.ts";
import { untilInterrupted } from "../interrupt.ts";
import { threads, wholeNumber } from "../parse.ts";

const DEFAULT_LOCK_SECONDS = 30;
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
    THREADS_OPTION,
    {
      flags: "--lock <seconds>",
      description: "without a sign of life for so long, others take the worker's run over",
      default: String(DEFAULT_LOCK_SECONDS),
    },
  ],
  examples: [
    "node bin/tailor.js worker redis://queue.example:6379",
    "node bin/tailor.js worker redis://queue.example:6379 --data photos --size 32 --recipe ./my-recipe.mjs",
  ],
  async run([url], options, output) {
    const trained = await runWorker({
      url: url ?? "",
      data: dataChoice(options),
      recipeFiles: options.recipe ?? [],
      threads: threads(options),
      lockSeconds: wholeNumber(options, "lock", { most: 3600 }) ?? DEFAULT_LOCK_SECONDS,
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
