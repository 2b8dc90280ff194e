import { useLayoutEffect, useRef, useState } from "react";
import { overfittingText } from "../../src/report/overfitting.ts";
import { fieldsOf } from "../../src/report/run-tables.ts";
import type { MetricsLine } from "../../src/runs/metrics.ts";
import type { RunDetail } from "../../src/server/api-types.ts";
import { count, counted, duration, percent, shellWord } from "../../src/text.ts";
import { remove, runPath } from "../api/client.ts";
import { useRunEvents } from "../api/run-events.ts";
import { useTailorCommand } from "../api/tailor-command.ts";
import { useJson } from "../api/use-resource.ts";
import { Facts } from "../components/facts.tsx";
import { Empty, Failure, Wait } from "../components/notices.tsx";
import { Status } from "../components/status.tsx";
import { dateText, fittedText, hasModel, isRunning, rateText } from "../format.ts";
import { hrefOf } from "../routes.ts";
import { Curves } from "./run/curves.tsx";
import { Evaluation } from "./run/evaluation.tsx";
import { Live } from "./run/live.tsx";
import { ValidationConfusion } from "./run/validation-confusion.tsx";

/** One run: its training, and its evaluation on the test images. */
export default function Run({ id }: { id: string }) {
  const [detail, reload] = useJson<RunDetail>(runPath(id));
  if (detail.state === "ready") return <RunPage run={detail.value} />;
  return (
    <>
      <Crumb />
      <h1>{id}</h1>
      <Wait of={detail} words={`Reading ${id}…`} onRetry={reload}>
        {() => null}
      </Wait>
    </>
  );
}

function Crumb() {
  return (
    <p className="crumb">
      <a href={hrefOf({ page: "runs" })}>Runs</a>
    </p>
  );
}

function RunPage({ run }: { run: RunDetail }) {
  const isWatched = isRunning(run);
  const [tested, setTested] = useState<number>();
  const live = useRunEvents(run.id, isWatched);
  const status = live.status ?? run.status;
  const failure = live.failure ?? run.failure;
  const epochs = live.epochs.length > 0 ? live.epochs : run.metrics;
  // When a watched run ends, its model and record are new: the run is loaded again.
  const isOver = isWatched && status !== "running";
  const [ended] = useJson<RunDetail>(isOver ? runPath(run.id) : null);
  const last = ended.state === "ready" ? ended.value : upToDate(run, live.epochs);
  return (
    <>
      <Crumb />
      <div className="title-row">
        <h1>{run.id}</h1>
        <Status status={failure === null ? status : "failed"} />
        {/* Only trainings started by this server report progress and can be stopped here. */}
        {status === "running" && live.progress && <StopButton id={run.id} />}
        {hasModel(last) && (
          <a className="button primary" href={hrefOf({ page: "try", id: run.id })}>
            Try it
          </a>
        )}
      </div>
      <RunFacts run={tested === undefined ? last : { ...last, testAccuracy: tested }} />
      {status === "running" && <Live run={run} live={live} />}
      {failure !== null && <Failure title="Its training failed" message={failure} />}
      {status === "interrupted" && <Interrupted run={last} />}
      {status === "gone" && (
        <Failure title="This run is gone" message="Its folder was removed, or can no longer be read." />
      )}
      <Configuration run={last} />
      <Overfitting run={last} />
      <Curves name={run.recipe} seed={run.seed ?? 0} epochs={epochs} isRunning={status === "running"} />
      <ValidationConfusion name={run.recipe} classes={last.classes} epochs={epochs} isOpen={isWatched} />
      {hasModel(last) && <Evaluation id={run.id} onTested={setTested} />}
    </>
  );
}

/** A run with what its last epochs say: they may have come since it was loaded. */
function upToDate(run: RunDetail, epochs: readonly MetricsLine[]): RunDetail {
  const line = epochs.at(-1);
  if (!line) return run;
  const { epoch, validationAccuracy, seconds } = line;
  return { ...run, epochsDone: epoch, validationAccuracy, seconds };
}

function RunFacts({ run }: { run: RunDetail }) {
  const { cpu, commit } = run.record;
  const trained = run.record.status === "imported" ? undefined : run.record;
  return (
    <Facts
      of={[
        ["recipe", run.recipe],
        ["data", run.data],
        ["seed", run.seed],
        ["epochs", trained ? fittedText(trained.epochs, trained.fittedFrom?.epochs) : run.epochs],
        ["batch", trained && fittedText(trained.batchSize, trained.fittedFrom?.batchSize)],
        ["learning rate", trained && rateText(trained.learningRate)],
        ["schedule", trained && partText(trained.recipe.schedule)],
        ["optimizer", trained && partText(trained.recipe.optimizer)],
        ["augmentation", trained && partText(trained.recipe.augmentation)],
        ...(trained ? OPTIONAL_FIELDS.map(([field, name]) => [name, textOf(trained.recipe[field])] as const) : []),
        ["training images", trained && count(trained.data.trainImages)],
        ["parameters", count(run.parameters)],
        ["test accuracy", run.testAccuracy === null ? null : percent(run.testAccuracy)],
        ["validation accuracy", run.validationAccuracy === null ? null : percent(run.validationAccuracy)],
        ["trained in", run.seconds === null ? null : duration(run.seconds)],
        [trained ? "started" : "imported", dateText(run.startedAt)],
        ["on", `${cpu.model}${trained ? `, ${counted(trained.threads, "thread")}` : ""}`],
        ["layout", trained?.lowering],
        ["commit", commit && <code>{commit.slice(0, 7)}</code>],
      ]}
    />
  );
}

/** Fields of a recipe that most runs do not have. */
const OPTIONAL_FIELDS = [
  ["patience", "patience"],
  ["keep", "weights of the epoch"],
  ["classWeights", "class weights"],
  ["sampling", "sampling"],
  ["maxGradientNorm", "max gradient norm"],
] as const;

/** A part of a recipe as its fields: `muon, momentum 0.95`; "none" without any; null where it is not recorded. */
function partText(part: unknown): string | null {
  if (typeof part !== "object" || part === null) return null;
  const fields = fieldsOf(part as Record<string, unknown>).map(([name, value]) =>
    name === "kind" ? value : value === "true" ? name : `${name} ${value}`,
  );
  return fields.length === 0 ? "none" : fields.join(", ");
}

/** A list may be as long as there are classes. */
function textOf(value: unknown): string | null {
  if (value === undefined) return null;
  return Array.isArray(value) ? "one for each class" : String(value);
}

/** Every field of the recipe. */
function Configuration({ run: { record } }: { run: RunDetail }) {
  if (record.status === "imported") return null;
  return (
    <details>
      <summary>All fields of the recipe</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <div className="table" tabIndex={0}>
        <table>
          <tbody>
            {fieldsOf(record.recipe).map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td className="words">{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** A notice of overfitting. */
function Overfitting({ run: { record } }: { run: RunDetail }) {
  const text = record.status === "imported" ? undefined : overfittingText(record);
  if (text === undefined) return null;
  return (
    <Empty title="Overfitting">
      <p>{text}</p>
    </Empty>
  );
}

/** What can be done about an interrupted run. */
function Interrupted({ run }: { run: RunDetail }) {
  const tailor = useTailorCommand();
  return (
    <Empty title="This run was interrupted">
      <p>
        It stopped after {counted(run.epochsDone, "epoch")}; what was saved last is kept. To go on, type{" "}
        {run.folder === null ? "on the server, in its folder of runs" : "in a terminal, where the server was started"}:
      </p>
      <pre>
        <code>
          {tailor} train --resume {shellWord(run.folder ?? run.id)}
        </code>
      </pre>
    </Empty>
  );
}

function StopButton({ id }: { id: string }) {
  const button = useRef<HTMLButtonElement>(null);
  // The button disappears when the training ends: keyboard focus then moves to the page's content.
  useLayoutEffect(() => {
    const own = button.current;
    return () => {
      if (document.activeElement === own) document.getElementById("main")?.focus({ preventScroll: true });
    };
  }, []);
  const [failure, setFailure] = useState<string>();
  const [isAsked, setAsked] = useState(false);
  const stop = () => {
    if (isAsked) return;
    setAsked(true);
    remove(`/api/training/${encodeURIComponent(id)}`).catch((error: Error) => {
      setAsked(false);
      setFailure(error.message);
    });
  };
  return (
    <>
      {/* Not "disabled", which would remove the focus. */}
      <button type="button" ref={button} onClick={stop} aria-disabled={isAsked}>
        {isAsked ? "Stopping…" : "Stop training"}
      </button>
      {failure !== undefined && <Failure title="It could not be stopped" message={failure} />}
    </>
  );
}
