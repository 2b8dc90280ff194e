/** Summary of a group's measurements: a row per contestant, ratios to tailor, scaling from one thread to two. */
import { count, megabytes, table } from "../../build/text.js";
import { median, ratios, spread } from "./statistics.js";

const NAMES = { tailor: "tailor", pytorch: "PyTorch", jaxjs: "jax-js", tfjs: "TensorFlow.js" };

/** @param measured [{ contestant, measurements }] of one group */
export function summarize(group, measured) {
  const speeds = ({ measurements }) => measurements.map(({ imagesPerSecond }) => imagesPerSecond);
  const isGood = ({ measurements }) => measurements.length > 0 && measurements.every(({ error }) => !error);
  const reference = (threads) =>
    measured.find(
      ({ contestant }) => contestant.peer === "tailor" && !contestant.lowering && contestant.threads === threads,
    );
  const rows = measured.map((one) => {
    const { contestant, measurements } = one;
    const { peer, threads, lowering } = contestant;
    const row = { peer, name: NAMES[peer], threads, lowering, rounds: measurements.length };
    if (!isGood(one)) return { ...row, error: measurements.find(({ error }) => error)?.error ?? "was not measured" };
    const tailor = reference(threads);
    return {
      ...row,
      forms: [...new Set(measurements.map(({ form }) => form))],
      imagesPerSecond: spread(speeds(one)),
      millisecondsPerStep: median(measurements.map(({ stepMilliseconds }) => stepMilliseconds.median)),
      tailorOverThis: tailor && tailor !== one && isGood(tailor) ? spread(ratios(speeds(tailor), speeds(one))) : null,
      peakMemoryBytes: median(measurements.map(({ peakMemoryBytes }) => peakMemoryBytes)),
      firstStepSeconds: median(measurements.map(({ firstStepSeconds }) => firstStepSeconds)),
      loss: worstLoss(measurements),
    };
  });
  return { name: group.name, rows, scaling: scaling(measured.filter(isGood), speeds) };
}

/** The round whose loss fell least. */
function worstLoss(measurements) {
  const losses = measurements.flatMap(({ loss }) => loss ?? []);
  if (losses.length === 0) return null;
  return losses.reduce((worst, loss) => (loss.last - loss.first > worst.last - worst.first ? loss : worst));
}

/** Images per second with 2 threads divided by those with 1, by peer. */
function scaling(measured, speeds) {
  const find = (peer, threads) =>
    measured.find(
      ({ contestant }) => contestant.peer === peer && contestant.threads === threads && !contestant.lowering,
    );
  return Object.keys(NAMES).flatMap((peer) => {
    const [one, two] = [find(peer, 1), find(peer, 2)];
    return one && two ? [{ peer, name: NAMES[peer], twoOverOne: spread(ratios(speeds(two), speeds(one))) }] : [];
  });
}

/** @returns lines for the terminal */
export function printed({ name, rows, scaling: scaled }) {
  const header = ["", "threads", "images/s (range)", "ms", "tailor / it (range)", "memory", "first step", "loss"];
  const cells = rows.map((row) => {
    const who = [row.name, ...(row.forms ? [`(${row.forms.join("; ")})`] : [])].join(" ");
    if (row.error) return [who, String(row.threads), `failed: ${row.error}`];
    return [
      who,
      String(row.threads),
      withRange(row.imagesPerSecond, count),
      row.millisecondsPerStep.toFixed(2),
      row.tailorOverThis ? withRange(row.tailorOverThis, (value) => value.toFixed(2)) : "",
      megabytes(row.peakMemoryBytes),
      `${row.firstStepSeconds.toFixed(2)} s`,
      lossText(row.loss),
    ];
  });
  const failures = cells.filter(({ length }) => length < header.length);
  const good = cells.filter(({ length }) => length === header.length);
  return [
    name,
    ...(good.length > 0 ? table([header, ...good], [0, 7]).map((line) => `  ${line}`) : []),
    ...failures.map(([who, threads, why]) => `  ${who}, threads ${threads}: ${why}`),
    ...scaled.map(
      ({ name: who, twoOverOne }) => `  ${who}: 2 threads ${withRange(twoOverOne, (v) => v.toFixed(2))} times 1`,
    ),
    "",
  ];
}

function withRange({ median: middle, least, most }, format) {
  return `${format(middle)} (${format(least)}-${format(most)})`;
}

function lossText(loss) {
  if (!loss) return "";
  const { first, last, fell } = loss;
  return `${first.toFixed(2)} -> ${last.toFixed(2)}${fell ? "" : " DID NOT FALL"}`;
}
