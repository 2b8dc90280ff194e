import { useEffect, useMemo, useState } from "react";
import { accuracyCurves } from "../../src/plots/curves.ts";
import type { QueueAnswer, QueuedRun, QueueWorker } from "../../src/server/api-types.ts";
import { counted, percent } from "../../src/text.ts";
import { postJson, remove } from "../api/client.ts";
import { useTailorCommand } from "../api/tailor-command.ts";
import { useJson } from "../api/use-resource.ts";
import { Facts } from "../components/facts.tsx";
import { FittedFigure } from "../components/figure.tsx";
import { Empty, Failure, Wait } from "../components/notices.tsx";
import { Tape } from "../components/progress-bar.tsx";
import { dateText } from "../format.ts";

/** Workers report every two seconds. */
const LOOK_AGAIN_MS = 2000;

/** The queue that the server watches: its workers, and their runs. */
export default function Queue() {
  const [queue, reload] = useJson<QueueAnswer>("/api/queue");
  // Some time after each answer, not at fixed times: a request that waits for a store that is away would be replaced by the next one.
  useEffect(() => {
    if (queue.state === "loading") return;
    const timer = setInterval(() => {
      if (document.hidden) return;
      clearInterval(timer);
      reload();
    }, LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [queue, reload]);
  return (
    <>
      <h1>Queue</h1>
      <Wait of={queue} words="Asking the queue…" onRetry={reload}>
        {(view) => <View view={view} reload={reload} />}
      </Wait>
    </>
  );
}

function View({ view, reload }: { view: QueueAnswer; reload: () => void }) {
  const { queue, isPaused, waiting, active, finished, setAside, workers, runs, setAsideRuns, allowsChanges } = view;
  const [failure, setFailure] = useState<Error>();
  const act = (change: Promise<unknown>) =>
    change.then(
      () => {
        setFailure(undefined);
        reload();
      },
      (error: Error) => setFailure(error),
    );
  return (
    <>
      <Facts
        of={[
          ["queue", queue],
          ["waiting", waiting],
          ["in training", active],
          ["finished, not fetched", finished],
          ["set aside", setAside],
          ["workers", workers.length],
        ]}
      />
      {failure && <Failure title="That did not work" message={failure.message} />}
      <div className="title-row">
        <p role="status">
          {isPaused ? "Paused: workers finish their runs and take no others." : "Workers take runs as they come."}
        </p>
        <button
          type="button"
          disabled={!allowsChanges}
          onClick={() => act(postJson(`/api/queue/${isPaused ? "resume" : "pause"}`, {}))}
        >
          {isPaused ? "Resume" : "Pause"}
        </button>
      </div>
      {!allowsChanges && (
        <p className="quiet">
          This server changes nothing in the queue for its visitors: it was started without --allow-training.
        </p>
      )}
      <section aria-labelledby="training">
        <h2 id="training">In training</h2>
        {runs.length === 0 && <p className="quiet">No worker reports a run.</p>}
        {runs.map((run) => (
          <Run
            key={run.id}
            run={run}
            onStop={allowsChanges ? () => act(remove(`/api/queue/runs/${encodeURIComponent(run.id)}`)) : undefined}
          />
        ))}
      </section>
      <section aria-labelledby="workers">
        <h2 id="workers">Workers</h2>
        {workers.length === 0 ? <NoWorkers /> : <Workers workers={workers} runs={runs} />}
      </section>
      {setAsideRuns.length > 0 && (
        <section aria-labelledby="set-aside">
          <h2 id="set-aside">Set aside</h2>
          <p>The command that wants these runs goes on with them when it is called again.</p>
          <ul>
            {setAsideRuns.map(({ id, title, isStopped, reason }) => (
              <li key={id}>
                {title}: {isStopped ? reason : `failed: ${reason}`}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Run({ run, onStop }: { run: QueuedRun; onStop: (() => void) | undefined }) {
  const { title, worker, takenAt, epochs, step, steps, metrics, isStopping } = run;
  const last = metrics.at(-1);
  const share = steps === null || steps === 0 ? (last?.epoch ?? 0) / epochs : step / steps;
  return (
    <article className="card live" aria-label={title}>
      <div className="title-row">
        <h3>{title}</h3>
        {onStop && (
          <button type="button" disabled={isStopping} onClick={onStop}>
            {isStopping ? "Stopping…" : "Stop"}
          </button>
        )}
      </div>
      <Tape
        share={Math.min(share, 1)}
        label={`Progress of ${title}`}
        text={`${Math.floor(last?.epoch ?? 0)} of ${counted(epochs, "epoch")} done`}
      />
      <Facts
        of={[
          ["worker", worker],
          ["since", dateText(takenAt)],
          ["training loss", last?.trainLoss.toFixed(4)],
          ["validation accuracy", last && last.validationAccuracy !== null ? percent(last.validationAccuracy) : null],
        ]}
      />
      {metrics.length > 0 && <Curve run={run} />}
    </article>
  );
}

/** Drawn anew only after another epoch, though the queue is asked more often. */
function Curve({ run: { title, metrics } }: { run: QueuedRun }) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: each answer has the same epochs in a new list
  const curves = useMemo(
    () => ({ model: title, runs: [{ seed: 1, epochs: metrics }] }),
    [title, metrics.length, metrics.at(-1)?.epoch],
  );
  return (
    <FittedFigure
      draw={accuracyCurves}
      input={curves}
      caption="Training: during the epoch, under augmentation. Validation: at its end."
    />
  );
}

function Workers({ workers, runs }: { workers: readonly QueueWorker[]; runs: readonly QueuedRun[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div className="table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">worker</th>
            <th scope="col">trains</th>
            <th scope="col">since</th>
            <th scope="col">tailor</th>
            <th scope="col">ONNX Runtime</th>
          </tr>
        </thead>
        <tbody>
          {workers.map(({ name, run, startedAt, version, commit, onnxruntime }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{runs.find(({ id }) => id === run)?.title ?? "waits"}</td>
              <td>{dateText(startedAt)}</td>
              <td>{commit === null ? version : `${version} (${commit.slice(0, 12)})`}</td>
              <td>{onnxruntime}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NoWorkers() {
  const tailor = useTailorCommand();
  return (
    <Empty title="There are no workers">
      <p>Start one on each machine that trains, with the queue's address:</p>
      <pre>
        <code>{tailor} worker redis://queue.example:6379</code>
      </pre>
    </Empty>
  );
}
