import { count, counted, duration, percent } from "../../../src/text.ts";
import { Facts } from "../../components/facts.tsx";
import { Failure } from "../../components/notices.tsx";
import { Tape } from "../../components/progress-bar.tsx";
import { Sparkline } from "../../components/sparkline.tsx";
import { Status } from "../../components/status.tsx";
import {
  type BrowserTraining,
  continueTraining,
  mayDiscard,
  pauseTraining,
  resumeTraining,
  stopTraining,
} from "../../engine/browser-training.ts";
import type { EngineSummary, GpuFailure } from "../../engine/training-messages.ts";
import { fittedText, rateText } from "../../format.ts";
import { hrefOf } from "../../routes.ts";
import { Curves } from "../run/curves.tsx";
import { ValidationConfusion } from "../run/validation-confusion.tsx";
import { Downloads } from "./downloads.tsx";

/** The training in this browser: its progress, and its results at the end. */
export function BrowserRun({ training }: { training: BrowserTraining }) {
  const { phase, order, start, epochs, failure, gpuFailure } = training;
  return (
    <section aria-labelledby="here">
      <div className="title-row">
        <h2 id="here">
          {order.recipe}, seed {order.seed}, in this browser
        </h2>
        <Status status={phase === "training" ? "running" : phase} />
        <Buttons phase={phase} />
      </div>
      {failure !== undefined && <Failure title="Training failed" message={failure} />}
      {gpuFailure && <GpuFailed of={gpuFailure} phase={phase} />}
      <Progress training={training} />
      <Result training={training} />
      <Curves name={order.recipe} seed={order.seed} epochs={epochs} isRunning={phase === "training"} />
      {start && <ValidationConfusion name={order.recipe} classes={start.classes} epochs={epochs} isOpen />}
    </section>
  );
}

function Buttons({ phase }: { phase: BrowserTraining["phase"] }) {
  const isOver = phase === "finished" || phase === "failed" || phase === "interrupted";
  return (
    <div className="row">
      {(phase === "training" || phase === "paused") && (
        // A single button, so that keyboard focus stays on it when its meaning changes.
        <button
          type="button"
          className={phase === "paused" ? "primary" : ""}
          onClick={phase === "paused" ? continueTraining : pauseTraining}
        >
          {phase === "paused" ? "Go on" : "Pause"}
        </button>
      )}
      {phase === "interrupted" && (
        <button type="button" className="primary" onClick={resumeTraining}>
          Resume
        </button>
      )}
      <button
        type="button"
        onClick={() => {
          // A training that runs is meant to be stopped by a button of that name.
          if (!isOver || mayDiscard()) stopTraining();
        }}
      >
        {isOver ? "Clear" : "Stop"}
      </button>
    </div>
  );
}

function Progress({ training }: { training: BrowserTraining }) {
  const { phase, loading, start, progress, losses, rates, epochs } = training;
  if (phase === "interrupted") {
    return (
      <p className="quiet" role="status">
        The page was closed or reloaded{" "}
        {epochs.length === 0
          ? "before the first epoch was trained"
          : `after ${counted(epochs.length, "epoch")}${start ? ` of ${start.epochs}` : ""}`}
        . Resume goes on from there.
      </p>
    );
  }
  if (phase === "loading") {
    return (
      <p className="quiet" role="status">
        Loading {loading}…
      </p>
    );
  }
  if (!progress) return null;
  return (
    <div className="card live">
      <Tape
        share={progress.step / progress.totalSteps}
        label="Training steps"
        text={`step ${count(progress.step)} of ${count(progress.totalSteps)}`}
      />
      <Facts
        of={[
          ["epoch", `${progress.epoch} of ${fittedText(progress.epochs, start?.fittedFrom?.epochs)}`],
          ["batch", start && fittedText(start.batchSize, start.fittedFrom?.batchSize)],
          ["images/s", count(progress.imagesPerSecond)],
          ["time left", phase === "training" ? duration(progress.secondsLeft) : null],
          [
            "loss of the epoch so far",
            <>
              {progress.loss.toFixed(4)} <Sparkline values={losses} label="loss of the epoch so far, by step" />
            </>,
          ],
          [
            "learning rate",
            <>
              {rateText(progress.learningRate)} <Sparkline values={rates} label="learning rate by step" />
            </>,
          ],
          ["engine", start && engineText(start.engine)],
        ]}
      />
    </div>
  );
}

/** What happened to the GPU, and what follows. */
function GpuFailed({ of: { message, atStep }, phase }: { of: GpuFailure; phase: BrowserTraining["phase"] }) {
  const from = atStep === 0 ? "from the beginning" : `from step ${count(atStep)}, whose state is kept`;
  const next = phase === "paused" ? `Go on computes on the processor, ${from}.` : `The processor went on ${from}.`;
  return <Failure title="The GPU failed" message={`${message}. ${next}`} />;
}

function engineText({ runtime, threads, reason }: EngineSummary): string {
  const device = threads === null ? "" : `, ${counted(threads, "thread")}${whyOneThread()}`;
  return `${runtime}${device}${reason === undefined ? "" : `; ${reason}`}`;
}

/** Why a browser computes on one thread only; empty if it does not have to. */
function whyOneThread(): string {
  return crossOriginIsolated ? "" : ": browsers allow more only over HTTPS, or on this machine (localhost)";
}

function Result({ training }: { training: BrowserTraining }) {
  const { phase, test, files } = training;
  if (phase === "testing") {
    return (
      <p className="quiet" role="status">
        Evaluating on the test set…
      </p>
    );
  }
  if (!files) return null;
  return (
    <div className="card result">
      {test ? (
        <p className="lead">
          <strong>{percent(test.accuracy)}</strong> of the test images right: {count(test.correct)} of{" "}
          {count(test.total)}, standard error {percent(test.standardError)}.
        </p>
      ) : (
        <p>Trained, but not tested: for a test, each class needs three pictures or more.</p>
      )}
      <div className="row">
        <Downloads training={training} files={files} />
        <a className="button primary" href={hrefOf({ page: "try", id: undefined })}>
          Try it
        </a>
      </div>
    </div>
  );
}
