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

/** The engine to measure. */
export interface Engine {
  readonly runtime: Runtime;
  readonly lowering: Lowering;
  readonly threads: number;
}

const WARM_UP_PEAK_RUNS = 2;

/**
 * Runs a program without feeds several times. @returns the time of the fastest run, the least disturbed by other
 * processes
 *
 * @param initialize the contents of each parameter
 * @param runs number of timed runs, after two for warm-up
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

/** The speed of one kind of products: in GFLOP/s, 10^9 operations per second; a multiply-add counts as two. */
export interface ProductSpeed {
  readonly what: string;
  readonly gflops: number;
}

/** The highest measured speed of multiply-adds on this machine, and all measurements. */
export interface Peak extends ProductSpeed {
  readonly tried: readonly ProductSpeed[];
}

/** A chain of 3x3 convolutions, without padding to avoid the slower edges. */
export interface ConvolutionChain {
  readonly channels: number;
  /** Per thread, so that each has enough work. */
  readonly images: number;
}

/**
 * Few channels need little memory for weights; many give long sums. All have the same number of multiply-adds; which
 * one suits the processor's caches best is measured.
 */
const CHAINS: readonly ConvolutionChain[] = [
  { channels: 32, images: 32 },
  { channels: 64, images: 8 },
  { channels: 128, images: 2 },
  { channels: 256, images: 1 },
];
const PRODUCTS = 4;
/** Height and width of the first image; each convolution reduces them by 2. */
const IMAGE_SIZE = 30;
/** Rows and columns of both matrices. */
const MATRIX_SIZE = 1024;
const PEAK_RUNS = 8;
/** Weights in a typical range, so small that values do not grow along a chain: sums have at most 256 x 9 terms. */
const initialize = uniformByFanIn(256 * 9);

/**
 * Measures peak multiply-add speed with training's engine and compiler: chains of large convolutions, in the blocked
 * layout where available, and a product of square matrices. The fastest counts.
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

/** The result is summed per channel, so that little data leaves the engine and no layout is converted. */
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

/** 64 MiB per array: three of them far exceed the caches of a few cores. */
const ROWS = 2 ** 12;
const COLUMNS = 2 ** 12;
const ADDITIONS = 8;
const BYTES_OF_FLOAT = 4;
const BANDWIDTH_RUNS = 8;

/**
 * Measures memory bandwidth in the engine, in GB/s (10^9 bytes per second): a chain of c = c + b, each reading two
 * arrays and writing one (not counting write-allocate reads); then c is read once and summed. So no large array leaves
 * the engine: allocating a new one would cost page faults, which are not bandwidth.
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

/** Training speed of a network relative to the machine's peak. */
export interface ModelRoofline {
  readonly model: string;
  /** Median of the timed steps, without the profiler. */
  readonly stepMilliseconds: number;
  /** All multiply-adds of a step (two operations each) over that time. */
  readonly gflops: number;
  /** Share of the measured multiply-add peak, 0 to 1. */
  readonly shareOfPeak: number;
  /** Of steps in another session, with the profiler enabled. */
  readonly profile: StepProfile;
}

/**
 * Times training steps as `bench train` does, and then profiles some. The speed is that of the steps without the
 * profiler, which has overhead.
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
