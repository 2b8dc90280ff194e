import { UserError } from "../../errors.ts";
import { watchQueue } from "../../queue/watch-queue.ts";
import { DEFAULT_LIMITS } from "../../server/limits.ts";
import { DEFAULT_CONNECTIONS, DEFAULT_TIMEOUT_SECONDS, startServer } from "../../server/start-server.ts";
import { BACKBONE_RANGE_OPTION, backbonesTyped } from "../backbone.ts";
import { defineCommand } from "../command.ts";
import { DEVICE_OPTION, THREADS_OPTION } from "../common-options.ts";
import { CUSTOM_DATA_OPTION, dataChoice, PREPARATION_OPTIONS } from "../custom-data.ts";
import { chosenDevice } from "../device.ts";
import { untilInterrupted } from "../interrupt.ts";
import { path, positiveNumber, threads, wholeNumber } from "../parse.ts";
import { TAILOR } from "../wording.ts";

const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_PORT = 8080;
const MEGABYTE = 2 ** 20;
const MEGAPIXEL = 1e6;
const MAX_MEGABYTES = 1024;

export const serve = defineCommand({
  name: "serve",
  arguments: [
    { name: "[run]", description: "a run folder: what predictions are made with; left out: the newest finished run" },
  ],
  options: [
    { flags: "--port <n>", description: "0: any that is free", default: String(DEFAULT_PORT) },
    {
      flags: "--host <address>",
      description: "where to listen; 0.0.0.0 lets other machines in",
      default: `${DEFAULT_HOST}: this machine only`,
    },
    {
      flags: "--allow-host <name>",
      description: "a host name under which a proxy passes on requests; repeatable",
      isRepeatable: true,
    },
    { flags: "--base-path <path>", description: "the path below which a proxy shows it: /tailor" },
    { flags: "--runs <folder>", description: "where runs are looked for, and trained into", default: "runs" },
    {
      ...CUSTOM_DATA_OPTION,
      description: "what is trained on here, and test images to try: pictures or files of images, as for train",
    },
    ...PREPARATION_OPTIONS,
    {
      flags: "--backbone <file>",
      description:
        "for the recipe transfer: the ONNX file of a pretrained network, or hf:OWNER/NAME[/FILE][@REVISION] on Hugging Face, that the page and clients can start from; repeatable",
      isRepeatable: true,
    },
    {
      ...BACKBONE_RANGE_OPTION,
      default: "from the file or a configuration next to it, otherwise imagenet, but chosen in trainings on the server",
    },
    {
      flags: "--queue <url>",
      description:
        "a queue to show on the page, with its workers and runs: redis://, rediss:// or postgres:// (docs/queue.md)",
    },
    THREADS_OPTION,
    { ...DEVICE_OPTION, description: `for predictions, evaluations and trainings: ${DEVICE_OPTION.description}` },
    { flags: "--allow-training", description: "let the page start trainings even where other machines reach it" },
    {
      flags: "--max-body <megabytes>",
      description: "of one request",
      default: String(DEFAULT_LIMITS.bodyBytes / MEGABYTE),
    },
    {
      flags: "--max-pixels <millions>",
      description: "of one picture",
      default: String(DEFAULT_LIMITS.pixels / MEGAPIXEL),
    },
    {
      flags: "--max-predictions <n>",
      description: "maximum concurrent predictions; the rest get 503",
      default: String(DEFAULT_LIMITS.predictions),
    },
    { flags: "--max-connections <n>", description: "open at once", default: String(DEFAULT_CONNECTIONS) },
    {
      flags: "--timeout <seconds>",
      description: "request / response timeout",
      default: String(DEFAULT_TIMEOUT_SECONDS),
    },
  ],
  examples: [
    "node bin/tailor.js serve",
    "node bin/tailor.js serve study/runs/enhanced-s1 --runs study/runs --port 3000",
    "node bin/tailor.js serve --data photos --size 32",
    "node bin/tailor.js serve --backbone mobilenet.onnx",
    "curl --data-binary @new.png -H 'content-type: image/png' http://127.0.0.1:8080/api/predict",
  ],
  async run([run], options, output) {
    const { host } = options;
    if (host === "") throw new UserError('--host must name an address, got ""', { exitCode: 2 });
    const { bodyBytes, heldBytes, pixels, predictions } = DEFAULT_LIMITS;
    const body = wholeNumber(options, "maxBody", { most: MAX_MEGABYTES });
    const millions = positiveNumber(options, "maxPixels");
    const { folder: data, ...preparation } = dataChoice(options);
    const backbones = await backbonesTyped(options, output);
    const device = options.device ?? "cpu";
    // A GPU that is missing is said at once; where there is a choice, each model is tried when it is opened.
    if (device === "gpu") await chosenDevice(device, async () => 0, output);
    const queue = options.queue === undefined ? undefined : await watchQueue(options.queue);
    const server = await startServer({
      host: host ?? DEFAULT_HOST,
      port: wholeNumber(options, "port", { least: 0, most: 65_535 }) ?? DEFAULT_PORT,
      allowHost: options.allowHost,
      basePath: options.basePath,
      command: TAILOR,
      run,
      runs: path(options, "runs"),
      data,
      preparation,
      backbones,
      queue,
      threads: threads(options),
      device,
      allowTraining: options.allowTraining === true ? true : undefined,
      limits: {
        bodyBytes: body === undefined ? bodyBytes : body * MEGABYTE,
        heldBytes: Math.max(heldBytes, (body ?? 0) * MEGABYTE),
        pixels: millions === undefined ? pixels : millions * MEGAPIXEL,
        predictions: wholeNumber(options, "maxPredictions") ?? predictions,
      },
      connections: wholeNumber(options, "maxConnections"),
      timeoutSeconds: positiveNumber(options, "timeout"),
      log: output.note,
    }).catch(async (error: unknown) => {
      await queue?.close();
      throw error;
    });
    output.result({ url: server.url, otherUrls: server.otherUrls });
    output.say(`tailor serves at ${server.url} (Ctrl-C ends it)`);
    if (server.otherUrls.length > 0) output.say(`from other machines: ${server.otherUrls.join(", ")}`);
    await untilInterrupted();
    output.note("ending: requests under way are answered");
    await server.close();
    await queue?.close();
    return 0;
  },
});
