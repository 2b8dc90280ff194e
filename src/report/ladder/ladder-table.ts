import { count, percent } from "../../text.ts";
import type { ModelResult, StudySetting } from "../report-data.ts";
import { isPublished } from "../result-tables.ts";
import type { Table } from "../tables.ts";
import { known, large, listText, shortSpreadText, UNKNOWN } from "../wording.ts";
import type { LadderEntry } from "./entry.ts";
import { LADDER } from "./ladder.ts";
import { NOT_CREDIBLE } from "./not-credible.ts";

/** Our results and their data. */
export interface OwnResults {
  readonly results: readonly Omit<ModelResult, "role" | "seconds">[];
  readonly setting: Pick<StudySetting, "cpu" | "cores">;
}

/** Published results and ours, sorted by accuracy on the de-duplicated data, or else by claimed accuracy. */
export function ladderTable(report: OwnResults, ladder: readonly LadderEntry[] = LADDER): Table {
  const { cpu, cores } = report.setting;
  const rungs = [
    ...ladder.map(publishedRung),
    ...report.results
      .filter((result) => !isPublished(result))
      .map((result) => ownRung(result, `${cpu}, ${cores} cores`)),
  ].sort((one, other) => other.accuracy - one.accuracy);
  return {
    title: "Published results on Fashion-MNIST, and ours",
    header: ["name", "kind", "claimed", "de-duplicated", "parameters", "multiply-adds", "epochs", "hardware", "source"],
    rows: rungs.map(({ cells }) => cells),
    leftColumns: [0, 1, 7, 8],
    notes: [
      "Sorted by accuracy on the de-duplicated data where that is known, by the claimed accuracy elsewhere. The data set was released anew on 31 August 2017, with other test images and without some duplicates: accuracies measured before are of other images.",
      "Course-type: a small network of the kind that courses set as a benchmark.",
    ],
    strongRows: rungs.flatMap(({ isOwn }, i) => (isOwn ? [i] : [])),
    pageOnly: { columnsFrom: 7, notes: entryNotes(ladder) },
  };
}

/** Claims that the ladder excludes, with reasons. */
export function notCredibleTable(): Table {
  return {
    title: "Claims left out",
    header: ["name", "claimed", "why", "source"],
    rows: NOT_CREDIBLE.map(({ name, claimed, why, source }) => [name, percent(claimed), why, source]),
    leftColumns: [0, 2, 3],
    notes: [],
  };
}

/** Each note once, prefixed with the names of all its entries. */
function entryNotes(ladder: readonly LadderEntry[]): string[] {
  const names = new Map<string, string[]>();
  for (const { name, note } of ladder) if (note !== undefined) names.set(note, [...(names.get(note) ?? []), name]);
  return [...names].map(([note, entries]) => `${listText(entries)}: ${note}`);
}

interface Rung {
  /** Sort key. */
  readonly accuracy: number;
  readonly isOwn: boolean;
  readonly cells: readonly string[];
}

function publishedRung(entry: LadderEntry): Rung {
  return {
    accuracy: entry.clean ?? entry.claimed ?? 0,
    isOwn: false,
    cells: [
      entry.name,
      entry.kind === "course-type baseline" ? "course-type" : entry.kind,
      known(entry.claimed, percent),
      known(entry.clean, percent),
      known(entry.parameters, count),
      known(entry.multiplyAdds, large),
      known(entry.epochs, count),
      entry.hardware ?? UNKNOWN,
      entry.source,
    ],
  };
}

function ownRung(
  { name, origin, accuracy, parameters, multiplyAdds, epochs }: OwnResults["results"][number],
  here: string,
): Rung {
  return {
    accuracy: accuracy.mean,
    isOwn: true,
    cells: [
      `tailor: ${name}`,
      "ours",
      percent(accuracy.mean),
      shortSpreadText(accuracy),
      known(parameters, count),
      known(multiplyAdds, large),
      known(epochs, count),
      origin.kind === "committed" ? origin.cpu : here,
      "this report",
    ],
  };
}
