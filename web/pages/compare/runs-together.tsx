import { useEffect, useMemo, useState } from "react";
import { curvesOverview } from "../../../src/plots/curves.ts";
import { known, listText } from "../../../src/report/wording.ts";
import type { RunDetail, RunSummary } from "../../../src/server/api-types.ts";
import { count, duration, percent } from "../../../src/text.ts";
import { getJson, runPath } from "../../api/client.ts";
import { Figure } from "../../components/figure.tsx";
import { Empty, Failure } from "../../components/notices.tsx";
import { hrefOf } from "../../routes.ts";

/** Number of recipes initially drawn side by side; more would make the figure small. */
const FIRST_RECIPES = 2;

/** A table of runs, and the curves of the selected ones, one column per recipe. */
export function RunsTogether({ runs }: { runs: readonly RunSummary[] }) {
  const [chosen, choose] = useState<ReadonlySet<string>>(() => firstChoice(runs));
  if (runs.length === 0) {
    return (
      <Empty title="There are no runs yet">
        <p>
          <a href={hrefOf({ page: "train" })}>Train a network</a>, and then another one, to see them side by side.
        </p>
      </Empty>
    );
  }
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    choose(next);
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <div className="table" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">run</th>
              <th scope="col" className="words">
                recipe
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
      <Overview ids={runs.map(({ id }) => id).filter((id) => chosen.has(id))} />
    </>
  );
}

function Overview({ ids }: { ids: readonly string[] }) {
  const [details, failure] = useDetails(ids);
  const input = useMemo(() => overviewOf(details), [details]);
  if (failure !== undefined) return <Failure title="The runs cannot be read" message={failure} />;
  if (ids.length === 0) return <p className="quiet">Tick runs to see their curves.</p>;
  if (input.models.length === 0) return null;
  return (
    <Figure
      draw={curvesOverview}
      input={input}
      caption="Accuracy above, loss below, a column a recipe, on common scales. Training values are measured under augmentation."
    />
  );
}

/** The figure's data; runs without a finished epoch are omitted. */
function overviewOf(details: readonly RunDetail[]) {
  const recipes = [...new Set(details.map(({ recipe }) => recipe))];
  const models = recipes
    .map((recipe) => ({
      model: recipe,
      runs: details
        .filter((run) => run.recipe === recipe && run.metrics.length > 0)
        .map(({ seed, metrics }) => ({ seed: seed ?? 0, epochs: metrics })),
    }))
    .filter(({ runs }) => runs.length > 0);
  return { title: `Training of ${listText(models.map(({ model }) => model))}`, models };
}

function useDetails(ids: readonly string[]): readonly [readonly RunDetail[], string | undefined] {
  const [details, setDetails] = useState<readonly RunDetail[]>([]);
  const [failure, setFailure] = useState<string>();
  const wanted = JSON.stringify(ids);
  useEffect(() => {
    const abort = new AbortController();
    const names: string[] = JSON.parse(wanted);
    setFailure(undefined);
    Promise.all(names.map((id) => getJson<RunDetail>(runPath(id), abort.signal))).then(setDetails, (error: Error) => {
      if (!abort.signal.aborted) setFailure(error.message);
    });
    return () => abort.abort();
  }, [wanted]);
  return [details, failure];
}

/** Initial selection: all seeds of the first recipes with curves. */
function firstChoice(runs: readonly RunSummary[]): ReadonlySet<string> {
  const drawn = runs.filter(({ epochsDone }) => epochsDone > 0);
  const recipes = [...new Set(drawn.map(({ recipe }) => recipe))].slice(0, FIRST_RECIPES);
  return new Set(drawn.filter(({ recipe }) => recipes.includes(recipe)).map(({ id }) => id));
}
