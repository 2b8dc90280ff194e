/**
 * Shared by the JavaScript peers: reading the task and the data, timing, and output of the result. pytorch.py does the
 * same.
 *
 * A task comes as JSON in the first argument: task ("train" or "infer"), network, layers, batch, threads, seconds (how
 * long to time), learningRate, data (folder with images.u8 and labels.u8), mean, deviation (of pixels from 0 to 1),
 * spawnedAt (when the process was started, milliseconds since 1970). The result is one JSON object, the last line of
 * standard output.
 */
import { readFileSync } from "node:fs";

export const IMAGE_SIZE = 28;
export const CLASSES = 10;
const WARM_UP_STEPS = 2;
/** Warm-up after the first training step: the first use of memory is slow (page faults), and takes several steps. */
const WARM_UP_MILLISECONDS = { train: 1500, infer: 0 };
const MIN_STEPS = 4;
/** A peer may take this many times its seconds for the minimum number of steps. */
const PATIENCE = 2;

export function readTask() {
  return JSON.parse(process.argv[2]);
}

/** @returns images [60000 x 784] and labels [60000], as bytes */
export function readData({ data }) {
  return { images: readFileSync(`${data}/images.u8`), labels: readFileSync(`${data}/labels.u8`) };
}

/** Batch number `step`, in order and starting over at the end: normalised pixels and labels. */
export function batchAt(step, { images, labels }, { batch, mean, deviation }) {
  const pixels = IMAGE_SIZE ** 2;
  const start = (step * batch) % (labels.length - batch + 1);
  const bytes = images.subarray(start * pixels, (start + batch) * pixels);
  const scale = 1 / (255 * deviation);
  const shift = -mean / deviation;
  const x = new Float32Array(bytes.length);
  for (let i = 0; i < x.length; i++) x[i] = bytes[i] * scale + shift;
  return { x, labels: Int32Array.from(labels.subarray(start, start + batch)) };
}

/**
 * A clock for steps or calls: a warm-up, then as many as fit into the seconds. Call `tick(loss)` at the end of each, or
 * `tick(loss, steps)` at the end of several that ran together; stop when `isDone()`.
 */
export function createClock({ task, seconds, spawnedAt, batch }) {
  const moments = [];
  const losses = [];
  let firstStepSeconds;
  const isWarm = ({ step, at }) => step >= WARM_UP_STEPS && at - moments[0].at >= WARM_UP_MILLISECONDS[task];
  const timed = () => {
    const first = moments.findIndex(isWarm);
    return first < 0 ? [] : moments.slice(first);
  };
  const sinceFirst = (ends) => ({
    steps: ends.at(-1).step - ends[0].step,
    milliseconds: ends.at(-1).at - ends[0].at,
  });
  return {
    tick(loss, steps = 1) {
      firstStepSeconds ??= (Date.now() - spawnedAt) / 1000;
      moments.push({ step: (moments.at(-1)?.step ?? 0) + steps, at: performance.now() });
      if (loss !== undefined) losses.push(loss);
    },
    isDone() {
      const ends = timed();
      if (ends.length < 3) return false;
      const { steps, milliseconds } = sinceFirst(ends);
      return milliseconds >= seconds * 1000 && (steps >= MIN_STEPS || milliseconds >= PATIENCE * seconds * 1000);
    },
    result() {
      const ends = timed();
      const { steps, milliseconds } = sinceFirst(ends);
      return {
        steps,
        imagesPerSecond: (steps * batch * 1000) / milliseconds,
        stepMilliseconds: ends.slice(1).map(({ step, at }, i) => (at - ends[i].at) / (step - ends[i].step)),
        firstStepSeconds,
        losses,
      };
    },
  };
}

/** Prints the result, with this process's peak resident memory. */
export function answer(result) {
  const [, kilobytes] = /VmHWM:\s*(\d+)/.exec(readFileSync("/proc/self/status", "utf8"));
  process.stdout.write(`${JSON.stringify({ ...result, peakMemoryBytes: kilobytes * 1024 })}\n`);
}
