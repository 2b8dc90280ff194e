/**
 * What a training step costs for networks of any number of channels, in processor time on one thread: three 3x3
 * convolutions, or three separable ones, of 16x16 images, with batch norm and Adam; with and without the filling up of
 * blocks (`src/compile/whole-blocks.ts`), and in PyTorch. All in turn, medians of 7 rounds.
 *
 *   npm run bench:widths                        # 8 to 64 channels, batch 32
 *   npm run bench:widths -- 24,33 separable 48  # these channels, one kind, another batch
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { compile } from "../build/compile/compile.js";
import { FUSION_RULES, fusionRules } from "../build/compile/fusion-rules.js";
import { sizeOf } from "../build/graph/shape.js";
import { batchNorm, conv2d, depthwiseConv2d, flatten, globalAveragePool, linear, relu } from "../build/nn/index.js";
import { adam } from "../build/optim/adam.js";
import { nodeRuntime } from "../build/runtime/node/index.js";
import { trainingProgram } from "../build/training/training-program.js";

const [widths = "8,12,13,16,20,24,28,32,33,36,40,48,56,64", kinds = "3x3,separable", batch = "32"] =
  process.argv.slice(2);
const [ROUNDS, STEPS] = [7, 3];
const TASK = { channels: 3, height: 16, width: 16, classes: 10 };

const convolution = (width) => [conv2d(width, { kernelSize: 3, padding: 1, bias: false }), batchNorm(), relu()];
const separable = (width) => [
  depthwiseConv2d({ kernelSize: 3, padding: 1, bias: false }),
  batchNorm(),
  relu(),
  conv2d(width, { kernelSize: 1, bias: false }),
  batchNorm(),
  relu(),
];

function program(kind, width) {
  const block = kind === "separable" ? separable : convolution;
  const layers = ({ classes }) => [
    ...convolution(width),
    ...[1, 2, 3].flatMap(() => block(width)),
    globalAveragePool(),
    flatten(),
    linear(classes),
  ];
  const normalization = { mean: [0.5, 0.5, 0.5], standardDeviation: [0.3, 0.3, 0.3] };
  const options = { task: TASK, batchSize: Number(batch), normalization, optimizer: adam(), labelSmoothing: 0 };
  return trainingProgram({ name: "widths", layers }, options).program;
}

/** A function that computes some steps and returns the milliseconds of processor time of one. */
async function stepper(compiled) {
  const session = await nodeRuntime.open(compiled, { threads: 1 });
  const numbers = ({ name, shape }) =>
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => (/var|bn\d+\.weight|sq/.test(name) ? 1 : Math.sin(i) / 10));
  session.load(new Map(compiled.state.map((spec) => [spec.name, numbers(spec)])));
  const feeds = Object.fromEntries(
    compiled.feeds.map(({ name, dtype, shape }) => {
      const size = sizeOf(shape);
      if (dtype === "uint8") return [name, Uint8Array.from({ length: size }, (_, i) => (i * 37) % 256)];
      if (dtype === "int32") return [name, Int32Array.from({ length: size }, (_, i) => i % TASK.classes)];
      return [name, new Float32Array(size).fill(0.001)];
    }),
  );
  await session.run(feeds);
  return async () => {
    const began = process.cpuUsage();
    for (let i = 0; i < STEPS; i++) await session.run(feeds);
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1000 / STEPS;
  };
}

const pytorch = spawn("/usr/bin/python3", [fileURLToPath(new URL("widths.py", import.meta.url))], {
  stdio: ["pipe", "pipe", "inherit"],
});
const answers = createInterface({ input: pytorch.stdout })[Symbol.asyncIterator]();
const { value: version } = await answers.next();
const inPytorch = (line) => async () => {
  pytorch.stdin.write(`${line}\n`);
  return Number((await answers.next()).value);
};

const [lowering] = await nodeRuntime.lowerings();
console.log(`${JSON.stringify(lowering)}, batch ${batch}, milliseconds of processor time a step`);
console.log(`| network | channels | blocks not filled up | tailor | PyTorch ${version} | tailor / PyTorch |`);
console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
for (const kind of kinds.split(",")) {
  for (const width of widths.split(",")) {
    const made = program(kind, Number(width));
    const contestants = [
      await stepper(compile(made, lowering, FUSION_RULES)),
      await stepper(compile(made, lowering, fusionRules(lowering))),
      inPytorch(`${kind} ${width} ${batch}`),
    ];
    const times = contestants.map(() => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, contestant] of contestants.entries()) times[i].push(await contestant());
    }
    const [before, now, peer] = times.map((all) => all.sort((a, b) => a - b)[ROUNDS >> 1]);
    const cells = [before.toFixed(1), now.toFixed(1), peer.toFixed(1), (now / peer).toFixed(2)];
    console.log(`| ${kind} | ${width} | ${cells.join(" | ")} |`);
  }
}
process.exit(0);
