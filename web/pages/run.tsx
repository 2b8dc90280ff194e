import { useState } from "react";
import { count, duration, percent } from "../../src/report/format.ts";
import { remove, runPath } from "../api/client.ts";
import { useRunEvents } from "../api/run-events.ts";
import type { RunDetail } from "../api/types.ts";
import { useJson } from "../api/use-resource.ts";
import { Facts } from "../components/facts.tsx";
import { Failure, Wait } from "../components/notices.tsx";
import { Status } from "../components/status.tsx";
import { hrefOf } from "../routes.ts";
import { dateText, hasModel, isRunning } from "../words.ts";
import { Curves } from "./run/curves.tsx";
import { Evaluation } from "./run/evaluation.tsx";
import { Live } from "./run/live.tsx";

/** One run: how it trains or trained, and what it makes of the test images. */
export default function Run({ id }: { id: string }) {
  const [detail, reload] = useJson<RunDetail>(runPath(id));
  return (
    <Wait of={detail} words={`Reading ${id}…`} onRetry={reload}>
      {(run) => <RunPage run={run} />}
    </Wait>
  );
}

function RunPage({ run }: { run: RunDetail }) {
  const isWatched = isRunning(run);
  const live = useRunEvents(run.id, isWatched);
  const status = live.status ?? run.status;
  const epochs = live.epochs.length > 0 ? live.epochs : run.metrics;
  // Once a watched run is over, its model is there and its record is another: it is read again.
  const isOver = isWatched && status !== "running";
  const [ended] = useJson<RunDetail>(isOver ? runPath(run.id) : null);
  const last = ended.state === "ready" ? ended.value : run;
  return (
    <>
      <p className="crumb">
        <a href={hrefOf({ page: "runs" })}>Runs</a>
      </p>
      <div className="title-row">
        <h1>{run.id}</h1>
        <Status status={status} />
        {status === "running" && <StopButton id={run.id} />}
        {hasModel(last) && (
          <a className="button primary" href={hrefOf({ page: "try", id: run.id })}>
            Try it
          </a>
        )}
      </div>
      <RunFacts run={last} />
      {status === "running" && <Live run={run} live={live} />}
      <Curves name={run.recipe} seed={run.seed ?? 0} epochs={epochs} isRunning={status === "running"} />
      {hasModel(last) && <Evaluation run={last} />}
    </>
  );
}

function RunFacts({ run }: { run: RunDetail }) {
  const { cpu, threads, commit, batchSize, lowering } = run.record as RecordFacts;
  return (
    <Facts
      of={[
        ["recipe", run.recipe],
        ["seed", run.seed],
        ["epochs", run.epochs],
        ["batch", batchSize],
        ["parameters", count(run.parameters)],
        ["test accuracy", run.testAccuracy === null ? null : percent(run.testAccuracy)],
        ["validation accuracy", run.validationAccuracy === null ? null : percent(run.validationAccuracy)],
        ["trained in", run.seconds === null ? null : duration(run.seconds)],
        ["started", dateText(run.startedAt)],
        ["on", cpu && `${cpu.model}, ${threads ?? 1} ${threads === 1 ? "thread" : "threads"}`],
        ["layout", lowering],
        ["commit", commit && <code>{commit.slice(0, 7)}</code>],
      ]}
    />
  );
}

/** Fields of run.json that are shown where they are there. */
interface RecordFacts {
  readonly cpu?: { readonly model: string };
  readonly threads?: number;
  readonly commit?: string | null;
  readonly batchSize?: number;
  readonly lowering?: string;
}

function StopButton({ id }: { id: string }) {
  const [failure, setFailure] = useState<string>();
  const [isAsked, setAsked] = useState(false);
  const stop = () => {
    setAsked(true);
    remove(`/api/training/${encodeURIComponent(id)}`).catch((error: Error) => {
      setAsked(false);
      setFailure(error.message);
    });
  };
  return (
    <>
      <button type="button" onClick={stop} disabled={isAsked}>
        {isAsked ? "Stopping…" : "Stop training"}
      </button>
      {failure !== undefined && <Failure title="It could not be stopped" message={failure} />}
    </>
  );
}
