import type { MetricsLine } from "../../../src/runs/metrics.ts";
import type { ProgressAnswer, RunDetail } from "../../../src/server/api-types.ts";
import { count, counted, duration } from "../../../src/text.ts";
import type { LiveRun } from "../../api/run-events.ts";
import { Facts } from "../../components/facts.tsx";
import { Tape } from "../../components/progress-bar.tsx";
import { Sparkline } from "../../components/sparkline.tsx";
import { rateText } from "../../format.ts";

/** Progress of a running training: by steps if this server runs it, otherwise by finished epochs. */
export function Live({ run, live }: { run: RunDetail; live: LiveRun }) {
  const { progress, epochs, isConnected } = live;
  const rates = epochs.map(({ learningRate }) => learningRate);
  const rate = rates.at(-1);
  const rateLine = rate === undefined ? null : <RateLine rate={rate} rates={rates} />;
  const place = progress ? byStep(progress) : byEpoch(epochs, run);
  return (
    <section className="card live" aria-label="Training now">
      {place ? (
        <Tape share={place.share} label={place.label} text={place.text} />
      ) : (
        <p className="quiet">Waiting for its first news…</p>
      )}
      <Facts
        of={[
          ["epoch", place && `${place.epoch} of ${run.epochs}`],
          ["images/s", place && count(place.imagesPerSecond)],
          ["time left", place && duration(place.secondsLeft)],
          ["learning rate", rateLine],
        ]}
      />
      {!isConnected && <p role="alert">The server does not answer; trying again…</p>}
    </section>
  );
}

function byStep({ step, steps, epoch, imagesPerSecond, secondsLeft }: ProgressAnswer) {
  const text = `step ${count(step)} of ${count(steps)}`;
  return { share: step / steps, label: "Training steps", text, epoch, imagesPerSecond, secondsLeft };
}

/** Progress by finished epochs; undefined before the first. */
function byEpoch(epochs: readonly MetricsLine[], run: RunDetail) {
  const last = epochs.at(-1);
  if (!last || run.epochs === null) return undefined;
  const left = run.epochs - last.epoch;
  return {
    share: last.epoch / run.epochs,
    label: "Epochs",
    text: `${last.epoch} of ${counted(run.epochs, "epoch")} done`,
    epoch: Math.min(last.epoch + 1, run.epochs),
    imagesPerSecond: last.imagesPerSecond,
    secondsLeft: (last.seconds / last.epoch) * left,
  };
}

function RateLine({ rate, rates }: { rate: number; rates: readonly number[] }) {
  return (
    <>
      {rateText(rate)} <Sparkline values={rates} label="learning rate after each epoch" />
    </>
  );
}
