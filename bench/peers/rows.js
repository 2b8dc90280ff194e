/**
 * The measurements. A group has one computation; its contestants run in turn, round after round, so that changes of the
 * machine's speed affect all of them. Ratios are computed within a round.
 */

/** Number of rounds of the most important rows, and of the others. */
const MAIN_ROUNDS = 5;
const ROUNDS = 3;
const MAIN_SECONDS = 3;
const SECONDS = 1.5;

/**
 * @returns { name, task, network, batch, learningRate, contestants: { peer, threads, rounds, seconds, lowering? }[] }[]
 */
export function groups() {
  return [
    ...["base", "enhanced", "resnet18"].map(mainTraining),
    ...["base", "enhanced", "resnet18"].map((network) => simple("train", network, 1)),
    ...[128, 1].flatMap((batch) => ["base", "enhanced", "resnet18"].map((network) => simple("infer", network, batch))),
  ];
}

function mainTraining(network) {
  const main = { threads: 2, rounds: MAIN_ROUNDS, seconds: MAIN_SECONDS };
  const other = { threads: 2, rounds: ROUNDS, seconds: MAIN_SECONDS };
  return group("train", network, 128, [
    { peer: "tailor", ...main },
    { peer: "pytorch", ...main },
    ...(network === "base" ? [{ peer: "tailor", lowering: "standard", ...main }] : []),
    ...(network === "resnet18" ? [] : ["jaxjs", "tfjs"].map((peer) => ({ peer, ...other }))),
    { peer: "tailor", ...other, threads: 1 },
    { peer: "pytorch", ...other, threads: 1 },
  ]);
}

function simple(task, network, batch) {
  const contestants = [2, 1].flatMap((threads) =>
    ["tailor", "pytorch"].map((peer) => ({ peer, threads, rounds: ROUNDS, seconds: SECONDS })),
  );
  return group(task, network, batch, contestants);
}

/** Batches of one image need a lower learning rate, or the loss would not fall. */
function group(task, network, batch, contestants) {
  const learningRate = batch === 1 ? 1e-4 : 1e-3;
  return { name: `${task} ${network} ${batch}`, task, network, batch, learningRate, contestants };
}
