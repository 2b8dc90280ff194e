import { count } from "../../../src/numbers.ts";
import { duration } from "../../../src/report/format.ts";
import type { RunDetail } from "../../../src/server/answers.ts";
import type { LiveRun } from "../../api/run-events.ts";
import { Facts } from "../../components/facts.tsx";
import { Sparkline } from "../../components/sparkline.tsx";
import { Tape } from "../../components/tape.tsx";
import { rateText } from "../../words.ts";

/** Where a run under way stands. */
export function Live({ run, live }: { run: RunDetail; live: LiveRun }) {
  const { progress, epochs, isConnected } = live;
  const rates = epochs.map(({ learningRate }) => learningRate);
  const rate = rates.at(-1);
  return (
    <section className="card live" aria-label="Training now">
      {progress ? (
        <Tape
          share={progress.step / progress.steps}
          label="Training steps"
          text={`step ${count(progress.step)} of ${count(progress.steps)}`}
        />
      ) : (
        <p className="quiet">Waiting for the first step…</p>
      )}
      <Facts
        of={[
          ["epoch", progress && `${progress.epoch} of ${run.epochs}`],
          ["images a second", progress && count(progress.imagesPerSecond)],
          ["time left", progress && duration(progress.secondsLeft)],
          ["learning rate", rate !== undefined && <RateLine rate={rate} rates={rates} />],
        ]}
      />
      {!isConnected && <p role="alert">The server does not answer; trying again…</p>}
    </section>
  );
}

function RateLine({ rate, rates }: { rate: number; rates: readonly number[] }) {
  return (
    <>
      {rateText(rate)} <Sparkline values={rates} label="learning rate after each epoch" />
    </>
  );
}
