import { listText } from "../../src/report/wording.ts";
import type { RunSummary } from "../../src/server/api-types.ts";
import { count, duration, percent } from "../../src/text.ts";
import { useTailorCommand } from "../api/tailor-command.ts";
import { useRuns } from "../api/use-runs.ts";
import { Empty, Failure, Wait } from "../components/notices.tsx";
import { Tape } from "../components/progress-bar.tsx";
import { Status } from "../components/status.tsx";
import { dateText, isRunning } from "../format.ts";
import { hrefOf } from "../routes.ts";

/** All runs of the server. */
export function Runs() {
  const [runs, reload] = useRuns();
  return (
    <>
      <div className="title-row">
        <h1>Runs</h1>
        <a className="button primary" href={hrefOf({ page: "train" })}>
          Train a network
        </a>
      </div>
      <Wait of={runs} words="Looking for runs…" onRetry={reload}>
        {({ runs, damaged }) => (
          <>
            {damaged.length > 0 && (
              <Failure
                title="Some runs cannot be read"
                message={`${listText(damaged)}: the files are damaged; the server's log tells more.`}
              />
            )}
            {runs.length === 0 ? <NoRuns /> : <RunCards runs={runs} />}
          </>
        )}
      </Wait>
    </>
  );
}

function NoRuns() {
  const tailor = useTailorCommand();
  return (
    <Empty title="There are no runs yet">
      <p>
        A run is one training of one network. Start one under <a href={hrefOf({ page: "train" })}>Train</a>, here in the
        browser or on the server, or in a terminal:
      </p>
      <pre>
        <code>{tailor} train base --epochs 5</code>
      </pre>
    </Empty>
  );
}

function RunCards({ runs }: { runs: readonly RunSummary[] }) {
  return (
    <ul className="runs">
      {runs.map((run) => (
        <RunCard key={run.id} run={run} />
      ))}
    </ul>
  );
}

/** Replaces spaces by non-breaking ones. */
function unbroken(words: string): string {
  return words.replaceAll(" ", "\u00a0");
}

function RunCard({ run }: { run: RunSummary }) {
  const {
    id,
    recipe,
    data,
    seed,
    status,
    failure,
    parameters,
    epochs,
    epochsDone,
    testAccuracy,
    validationAccuracy,
    seconds,
  } = run;
  const accuracy = testAccuracy ?? validationAccuracy;
  return (
    <li className="run-card">
      <h2>
        <a href={hrefOf({ page: "run", id })}>{id}</a>
      </h2>
      <Status status={failure === null ? status : "failed"} />
      <p className="figure-large">
        {accuracy === null ? "–" : percent(accuracy)}
        <span>
          {accuracy === null ? "no accuracy yet" : testAccuracy === null ? "validation images" : "test images"}
        </span>
      </p>
      <p className="quiet">
        {[
          recipe,
          data === null ? undefined : `on ${data}`,
          seed === null ? undefined : `seed ${seed}`,
          `${count(parameters)} parameters`,
          seconds === null ? undefined : `trained in ${duration(seconds)}`,
          dateText(run.startedAt),
        ]
          .filter((words) => words !== undefined)
          .map(unbroken)
          .join(" · ")}
      </p>
      {isRunning(run) && epochs !== null && (
        <Tape share={epochsDone / epochs} label={`Epochs of ${id}`} text={`${epochsDone} of ${epochs} epochs`} />
      )}
    </li>
  );
}
