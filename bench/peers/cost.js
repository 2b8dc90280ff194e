/** Measures the cost of a training step against images, width and depth; plot.js draws the results. */
import { measure } from "./contestant.js";
import { median } from "./statistics.js";

const THREADS = 2;
const SECONDS = 1;
const [BATCH, WIDTH, DEPTH] = [64, 32, 2];

/** Each axis varies one number; the other two are fixed. `stack-WIDTH-DEPTH` is defined in networks.js. */
const AXES = [
  { axis: "images", label: "images a step", values: [1, 4, 16, 64, 256], taskOf: (batch) => [batch, WIDTH, DEPTH] },
  {
    axis: "width",
    label: "channels of the first stage",
    values: [8, 16, 32, 64, 128],
    taskOf: (width) => [BATCH, width, DEPTH],
  },
  { axis: "depth", label: "convolutions a stage", values: [1, 2, 4, 8], taskOf: (depth) => [BATCH, WIDTH, depth] },
];

export const FIXED = `networks of two stages of 3x3 convolutions with batch norm; ${BATCH} images, ${WIDTH} channels, ${DEPTH} convolutions a stage where not told; ${THREADS} threads`;

/**
 * @returns { axis, label, points: { peer, value, milliseconds, rounds }[] }[]; a point that a peer cannot compute has
 *   milliseconds null and its error
 */
export async function measureCost({ rounds, seconds = SECONDS, peers, data, say }) {
  const results = [];
  for (const { axis, label, values, taskOf } of AXES) {
    const points = [];
    for (const value of values) {
      const [batch, width, depth] = taskOf(value);
      const group = { task: "train", network: `stack-${width}-${depth}`, batch, learningRate: 1e-3 };
      const measured = Object.fromEntries(peers.map((peer) => [peer, []]));
      for (let round = 0; round < rounds; round++) {
        for (const peer of peers) measured[peer].push(await measure(group, { peer, threads: THREADS, seconds }, data));
      }
      for (const peer of peers) {
        const error = measured[peer].find((one) => one.error)?.error;
        const milliseconds = error
          ? null
          : median(measured[peer].map(({ stepMilliseconds }) => stepMilliseconds.median));
        points.push({ peer, value, milliseconds, rounds, ...(error && { error }) });
        say(`${axis} ${value} ${peer}: ${error ?? `${milliseconds.toFixed(1)} ms`}`);
      }
    }
    results.push({ axis, label, points });
  }
  return results;
}
