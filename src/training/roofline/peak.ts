import type { Program } from "../../compile/program.ts";
import type { Value } from "../../graph/value.ts";
import { uniformByFanIn } from "../../nn/init.ts";
import { channelSum } from "../../ops/channelSum.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { input } from "../../ops/input.ts";
import { matmul } from "../../ops/matmul.ts";
import { gflops } from "../profile/step-profile.ts";
import { type Engine, fastestRun } from "./fastest-run.ts";

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
const CHAIN_LENGTH = 4;
/** Height and width of the first image; each convolution takes 2 off. */
const IMAGE_SIZE = 30;
/** Rows and columns of both matrices. */
const MATRIX_SIZE = 1024;
const RUNS = 8;
/** Numbers as networks have them, so small that no chain grows: sums are of at most 256 channels x 9. */
const initialize = uniformByFanIn(256 * 9);

/**
 * Measures the multiply-add peak through the engine and the compiler that training uses: chains of large convolutions, in
 * the blocked layout where there is one, and a product of square matrices. The fastest counts.
 */
export async function measurePeak(
  engine: Engine,
  { chains = CHAINS, matrixSize = MATRIX_SIZE, runs = RUNS } = {},
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
  const weights = Array.from({ length: CHAIN_LENGTH }, (_, i) => input(`weight${i}`, [channels, channels, 3, 3]));
  const y = weights.reduce<Value>((value, weight) => conv2d(value, weight), x);
  return { name: "peak", feeds: [], parameters: [x, ...weights], state: [], outputs: { sums: channelSum(y) } };
}

function matrixProduct(size: number): Program {
  const [a, b] = [input("a", [size, size]), input("b", [size, size])];
  const product = matmul(a, b, { transposeA: false, transposeB: false });
  return { name: "peak", feeds: [], parameters: [a, b], state: [], outputs: { sums: channelSum(product) } };
}
