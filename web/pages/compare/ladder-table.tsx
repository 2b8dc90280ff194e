import { known, large, shortSpreadText } from "../../../src/report/wording.ts";
import type { Ladder } from "../../../src/server/api-types.ts";
import { count, percent } from "../../../src/text.ts";

interface Rung {
  readonly name: string;
  readonly accuracy: number;
  readonly accuracyText: string;
  readonly parameters: number | null;
  readonly multiplyAdds: number | null;
  readonly epochs: number | null;
  readonly source: string | undefined;
  readonly note: string;
}

/** All results, best first. */
export function LadderTable({ ladder }: { ladder: Ladder }) {
  const rungs = rungsOf(ladder);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div className="table" tabIndex={0}>
      <table>
        <caption>By accuracy on the de-duplicated data where that is known, by the claimed one elsewhere</caption>
        <thead>
          <tr>
            <th scope="col">name</th>
            <th scope="col">test accuracy</th>
            <th scope="col">parameters</th>
            <th scope="col">multiply-adds</th>
            <th scope="col">epochs</th>
            <th scope="col" className="words">
              source
            </th>
          </tr>
        </thead>
        <tbody>
          {rungs.map((rung) => (
            <tr key={`${rung.name} ${rung.source}`} className={rung.source === undefined ? "strong" : undefined}>
              <th scope="row">{rung.name}</th>
              <td>{rung.accuracyText}</td>
              <td>{known(rung.parameters, count)}</td>
              <td>{known(rung.multiplyAdds, large)}</td>
              <td>{known(rung.epochs, count)}</td>
              <td className="words">{rung.source === undefined ? rung.note : <Source of={rung} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The source; a link if it is a URL. */
function Source({ of: { source = "", note } }: { of: Rung }) {
  if (!source.startsWith("https://")) return `${note}: ${source}`;
  return (
    <a href={source} rel="noreferrer">
      {note}
    </a>
  );
}

function rungsOf({ entries, ours }: Ladder): Rung[] {
  const published = entries.map(
    ({ name, clean, claimed, kind, source, data, ...costs }): Rung => ({
      ...costs,
      name,
      accuracy: clean ?? claimed ?? 0,
      accuracyText: known(clean ?? claimed, percent),
      source,
      note: `${kind}, ${data === "unknown" ? "release unknown" : data}`,
    }),
  );
  const own = ours.map(
    ({ name, accuracy, parameters, multiplyAdds, epochs }): Rung => ({
      name: `tailor: ${name}`,
      accuracy: accuracy.mean,
      accuracyText: shortSpreadText(accuracy),
      parameters,
      multiplyAdds,
      epochs,
      source: undefined,
      note: accuracy.n === 1 ? "ours, one seed" : `ours, ${accuracy.n} seeds`,
    }),
  );
  return [...published, ...own].sort((a, b) => b.accuracy - a.accuracy);
}
