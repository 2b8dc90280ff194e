import { useMemo, useRef } from "react";
import { curvesOverview } from "../../../src/plots/curves.ts";
import { known, listText } from "../../../src/report/wording.ts";
import type { RunSummary } from "../../../src/server/api-types.ts";
import { count, duration, percent } from "../../../src/text.ts";
import { useRunDetails } from "../../api/run-details.ts";
import { Figure } from "../../components/figure.tsx";
import { Empty, Failure } from "../../components/notices.tsx";
import { hrefOf, replaceRoute } from "../../routes.ts";
import { firstChoice, groupRuns, type RunGroup } from "./group-runs.ts";

/** Groups drawn beside each other; further ones would be far to the right of the screen. */
const MAX_COLUMNS = 6;

interface RunsTogetherProps {
  readonly runs: readonly RunSummary[];
  /** The ticked ones by the address; undefined: those that are ticked at first. */
  readonly wanted: readonly string[] | undefined;
}

/** A table of runs, and the curves of the ticked ones, one column for runs that differ only in their seeds. */
export function RunsTogether({ runs, wanted }: RunsTogetherProps) {
  const first = useRef<readonly string[]>([]);
  // Runs that come later do not change what is ticked.
  if (first.current.length === 0) first.current = firstChoice(runs);
  const ticked = wanted ?? first.current;
  const chosen = new Set(ticked);
  if (runs.length === 0) {
    return (
      <Empty title="There are no runs yet">
        <p>
          <a href={hrefOf({ page: "train" })}>Train a network</a>, and then another one, to see them side by side.
        </p>
      </Empty>
    );
  }
  const missing = ticked.filter((id) => runs.every((run) => run.id !== id));
  const tick = (ids: readonly string[]) => replaceRoute({ page: "compare", runs: ids });
  const toggle = (id: string) =>
    tick(chosen.has(id) ? ticked.filter((one) => one !== id && !missing.includes(one)) : [...ticked, id]);
  return (
    <>
      {missing.length > 0 && (
        <Failure title="Some runs are not here" message={`The server has no run ${listText(missing)}.`} />
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <div className="table" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">run</th>
              <th scope="col" className="words">
                recipe
              </th>
              <th scope="col" className="words">
                data
              </th>
              <th scope="col">seed</th>
              <th scope="col">test accuracy</th>
              <th scope="col">validation accuracy</th>
              <th scope="col">parameters</th>
              <th scope="col">trained in</th>
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <tr key={run.id}>
                <th scope="row">
                  <label className="pick">
                    <input type="checkbox" checked={chosen.has(run.id)} onChange={() => toggle(run.id)} />
                    {run.id}
                  </label>
                </th>
                <td className="words">{run.recipe}</td>
                <td className="words">{known(run.data, String)}</td>
                <td>{known(run.seed, String)}</td>
                <td>{known(run.testAccuracy, percent)}</td>
                <td>{known(run.validationAccuracy, percent)}</td>
                <td>{count(run.parameters)}</td>
                <td>{known(run.seconds, duration)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {ticked.length > 0 && (
        <button type="button" onClick={() => tick([])}>
          Untick all
        </button>
      )}
      <Overview runs={runs.filter(({ id }) => chosen.has(id))} />
    </>
  );
}

function Overview({ runs }: { runs: readonly RunSummary[] }) {
  const { details, failure, retry } = useRunDetails(runs);
  const ids = details.map(({ id, epochsDone }) => `${id} ${epochsDone}`).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the runs' names and epochs tell whether they are the same
  const groups = useMemo(
    () =>
      groupRuns(details)
        .map(({ name, runs }) => ({ name, runs: runs.filter(({ metrics }) => metrics.length > 0) }))
        .filter(({ runs }) => runs.length > 0),
    [ids],
  );
  const input = useMemo(() => overviewOf(groups.slice(0, MAX_COLUMNS)), [groups]);
  if (failure !== undefined) {
    return <Failure title="The runs cannot be read" message={failure.message} onRetry={retry} />;
  }
  if (runs.length === 0) return <p className="quiet">Tick runs to see their curves.</p>;
  if (groups.length === 0) return null;
  const more = groups.length > MAX_COLUMNS ? ` The first ${MAX_COLUMNS} of ${groups.length} are drawn.` : "";
  return (
    <Figure
      draw={curvesOverview}
      input={input}
      caption={`Accuracy above, loss below, on common scales; a column for runs that differ only in their seeds.${more} Training values are measured under augmentation.`}
    />
  );
}

/** The figure's data. */
function overviewOf(groups: readonly RunGroup[]) {
  const models = groups.map(({ name, runs }) => ({
    model: name,
    runs: runs.map(({ seed, metrics }) => ({ seed: seed ?? 0, epochs: metrics })),
  }));
  return { title: `Training of ${listText(models.map(({ model }) => model))}`, models };
}
