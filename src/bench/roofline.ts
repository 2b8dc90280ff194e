import { type CompiledProgram, compile } from "../compile/compile.ts";
import type { Lowering, Program } from "../compile/program.ts";
import type { Value } from "../graph/value.ts";
import { filledWith, type Initializer, uniformByFanIn } from "../nn/init.ts";
import { channelSum } from "../ops/channels.ts";
import { conv2d } from "../ops/convolution/conv2d.ts";
import { add } from "../ops/elementwise.ts";
import { input } from "../ops/leaves.ts";
import { matmul } from "../ops/matmul.ts";
import { randomStream } from "../random.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { gflops, PROFILED_STEPS, profileSteps, type StepProfile } from "./profile.ts";
import { medianStep, timeSteps } from "./time-steps.ts";
import { type BenchTask, benchJob } from "./training.ts";

/** Where something is measured. */
export interface Engine {
  readonly runtime: Runtime;
  readonly lowering: Lowering;
  readonly threads: number;
}

const WARM_UP_PEAK_RUNS = 2;

/**
 * Runs a program that has parameters only, some times over, and takes the fastest run: what the machine can do, when
 * nothing else holds it up.
 *
 * @param initialize gives each parameter its numbers
 * @param runs to time, after two to warm up
 */
export async function fastestRun(
  program: Program,
  { runtime, lowering, threads }: Engine,
  { initialize, runs }: { readonly initialize: Initializer; readonly runs: number },
): Promise<{ compiled: CompiledProgram; milliseconds: number }> {
  const compiled = compile(program, lowering);
  const session = await runtime.open(compiled, { threads });
  try {
    session.load(
      new Map(compiled.parameters.map(({ name, shape }, i) => [name, initialize(shape, randomStream(0, "init", i))])),
    );
    let milliseconds = Number.POSITIVE_INFINITY;
    for (let run = -WARM_UP_PEAK_RUNS; run < runs; run++) {
      const started = performance.now();
      await session.run({});
      if (run >= 0) milliseconds = Math.min(milliseconds, performance.now() - started);
    }
    return { compiled, milliseconds };
  } finally {
    await session.release();
  }
}

/** The speed of one kind of products: GFLOP/s, 10^9 operations a second, a multiply-add counted as two. */
export interface ProductSpeed {
  readonly what: string;
  readonly gflops: number;
}

/** The most that the engine was seen to multiply and add on this machine, and all that was tried. */
export interface Peak extends ProductSpeed {
  readonly tried: readonly ProductSpeed[];
}

/** A chain of 3x3 convolutions without padding, so that no edge slows it down. */
export interface ConvolutionChain {
  readonly channels: number;
  /** Per thread, so that each has work enough. */
  readonly images: number;
}

/**
 * Few channels: little memory for the weights; many: long sums. Each does the same number of multiply-adds, and which of
 * them suits the processor's caches best is measured.
 */
const CHAINS: readonly ConvolutionChain[] = [
  { channels: 32, images: 32 },
  { channels: 64, images: 8 },
  { channels: 128, images: 2 },
  { channels: 256, images: 1 },
];
const PRODUCTS = 4;
/** Height and width of the first image; each convolution takes 2 off. */
const IMAGE_SIZE = 30;
/** Rows and columns of both matrices. */
const MATRIX_SIZE = 1024;
const PEAK_RUNS = 8;
/** Numbers as networks have them, so small that no chain grows: sums are of at most 256 channels x 9. */
const initialize = uniformByFanIn(256 * 9);

/**
 * Measures the multiply-add peak through the engine and the compiler that training uses: chains of large convolutions, in
 * the blocked layout where there is one, and a product of square matrices. The fastest counts.
 */
export async function measurePeak(
  engine: Engine,
  { chains = CHAINS, matrixSize = MATRIX_SIZE, runs = PEAK_RUNS } = {},
): Promise<Peak> {
  const candidates = [
    ...chains.map((chain) => ({
      what: `${engine.lowering.kind} 3x3 convolutions of ${chain.channels} channels`,
      program: convolutionChain({ ...chain, images: chain.images * engine.threads }),
    })),
    { what: `product of ${matrixSize}x${matrixSize} matrices`, program: matrixProduct(matrixSize) },
  ];
  const tried: ProductSpeed[] = [];
  for (const { what, program } of candidates) {
    const { compiled, milliseconds } = await fastestRun(program, engine, { initialize, runs });
    const multiplyAdds = compiled.operations.reduce((sum, operation) => sum + operation.multiplyAdds, 0);
    tried.push({ what, gflops: gflops(multiplyAdds, milliseconds) });
  }
  const best = tried.reduce((a, b) => (b.gflops > a.gflops ? b : a));
  return { ...best, tried };
}

/** The result is summed up: only a number a channel leaves the engine, and no layout is changed. */
function convolutionChain({ channels, images }: ConvolutionChain): Program {
  const x = input("x", [images, channels, IMAGE_SIZE, IMAGE_SIZE]);
  const weights = Array.from({ length: PRODUCTS }, (_, i) => input(`weight${i}`, [channels, channels, 3, 3]));
  const y = weights.reduce<Value>((value, weight) => conv2d(value, weight), x);
  return { name: "peak", feeds: [], parameters: [x, ...weights], state: [], outputs: { sums: channelSum(y) } };
}

function matrixProduct(size: number): Program {
  const [a, b] = [input("a", [size, size]), input("b", [size, size])];
  const product = matmul(a, b, { transposeA: false, transposeB: false });
  return { name: "peak", feeds: [], parameters: [a, b], state: [], outputs: { sums: channelSum(product) } };
}

/** 64 MiB an array: three of them are far more than the caches of a processor's few cores hold. */
const ROWS = 2 ** 12;
const COLUMNS = 2 ** 12;
const ADDITIONS = 8;
const BYTES_OF_FLOAT = 4;
const BANDWIDTH_RUNS = 8;

/**
 * Memory bandwidth as the engine meets it, in GB/s (10^9 bytes a second): a chain of c = c + b, two arrays read and one
 * written each, without the reading of c's memory that many processors do before they write to it; then c is read once and
 * summed up. So no large array leaves the engine: a fresh one would be paid for page by page, which is no bandwidth.
 */
export async function measureBandwidth(
  engine: Engine,
  { rows = ROWS, columns = COLUMNS, runs = BANDWIDTH_RUNS } = {},
): Promise<number> {
  const [a, b] = [input("a", [rows, columns]), input("b", [rows, columns])];
  let sum: Value = a;
  for (let i = 0; i < ADDITIONS; i++) sum = add(sum, b);
  const program = { name: "bandwidth", feeds: [], parameters: [a, b], state: [], outputs: { sums: channelSum(sum) } };
  const { milliseconds } = await fastestRun(program, engine, { initialize: filledWith(1), runs });
  return ((3 * ADDITIONS + 1) * rows * columns * BYTES_OF_FLOAT) / (milliseconds * 1e6);
}

/** What a network's training reaches of the machine. */
export interface ModelRoofline {
  readonly model: string;
  /** Median of the timed steps, without the profiler. */
  readonly stepMilliseconds: number;
  /** All multiply-adds of a step (two operations each) over that time. */
  readonly gflops: number;
  /** Of the measured multiply-add peak, 0 to 1. */
  readonly shareOfPeak: number;
  /** Steps of another session, with the profiler on. */
  readonly profile: StepProfile;
}

/**
 * Times training steps as `bench train` does, and then profiles some: the profiler itself takes time, so that the speed is
 * taken from the steps without it.
 *
 * @param peakGflops the machine's multiply-add peak
 */
export async function modelRoofline(task: Omit<BenchTask, "kind">, peakGflops: number): Promise<ModelRoofline> {
  const { model, steps } = task;
  const job = await benchJob(task);
  const stepMilliseconds = medianStep(await timeSteps(job, steps));
  const profile = await profileSteps(job, Math.min(steps, PROFILED_STEPS));
  const reached = gflops(profile.multiplyAdds, stepMilliseconds);
  return { model, stepMilliseconds, gflops: reached, shareOfPeak: reached / peakGflops, profile };
}
