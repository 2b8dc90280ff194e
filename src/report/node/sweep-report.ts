import type { Spread } from "../../evaluation/significance.ts";
import { type SweepPanel, type SweepPointKind, sweepFigure } from "../../plots/sweep.ts";
import { type RecipeChanges, valueText } from "../../recipes/recipe-fields.ts";
import { count, counted, duration } from "../../text.ts";
import type { Table } from "../tables.ts";
import { known, shortSpreadText, UNKNOWN } from "../wording.ts";
import { drawn, type StudyFigure } from "./sheets.ts";

/** Results of a sweep. Accuracies are fractions, on the validation images. */
export interface SweepReport {
  /** Name of the varied recipe. */
  readonly recipe: string;
  readonly method: "grid" | "random";
  readonly isHalving: boolean;
  readonly seeds: number;
  readonly trainImages: number;
  readonly validationImages: number;
  /** The varied fields, and whether each was varied over a range. */
  readonly fields: readonly { readonly name: string; readonly isRange: boolean }[];
  /** Best first. */
  readonly rows: readonly SweepRow[];
}

/** Results of a candidate in its last rung. */
export interface SweepRow {
  readonly changes: RecipeChanges;
  readonly epochs: number;
  /** Over the seeds, after the last epoch; null if training diverged. */
  readonly accuracy: Spread | null;
  /** Cross-entropy, mean of the seeds. */
  readonly loss: number | null;
  /** Training time in this rung, of all seeds together. */
  readonly seconds: number;
  /** Folders of the runs. */
  readonly runs: readonly string[];
}

/** A sweep's results as JSON, for `sweep --json` and `sweep.json`. */
export function sweepSummary({ rows, fields, ...setting }: SweepReport) {
  return {
    ...setting,
    split: "validation",
    fields: fields.map(({ name }) => name),
    candidates: rows.map(({ changes, epochs, accuracy, loss, seconds, runs }) => ({
      changes,
      epochs,
      accuracy,
      loss,
      seconds,
      runs,
    })),
  };
}

/** A field that a sweep's table always shows. */
const EPOCHS = "epochs";

export function sweepTable({ recipe, seeds, validationImages, fields, rows }: SweepReport): Table {
  const diverged = rows.filter(({ accuracy }) => accuracy === null).length;
  const own = fields.some(({ name }) => name === EPOCHS) ? [] : [EPOCHS];
  return {
    title: `Recipe ${recipe} with other ${fields.map(({ name }) => name).join(", ")}`,
    header: [...fields.map(({ name }) => name), ...own, "accuracy", "loss", "trained in"],
    leftColumns: [],
    rows: rows.map(({ changes, epochs, accuracy, loss, seconds }) => [
      ...fields.map(({ name }) => (name in changes ? valueText(changes[name]!) : UNKNOWN)),
      ...own.map(() => String(epochs)),
      accuracy ? shortSpreadText(accuracy) : "diverged",
      known(loss, (value) => value.toFixed(4)),
      duration(seconds),
    ]),
    strongRows: [0],
    notes: [
      `Accuracy of ${count(validationImages)} validation images after the last epoch, ${counted(seeds, "seed")}; no test image was looked at.`,
      `These images chose the best of ${counted(rows.length, "candidate")}, so its own accuracy here is a little too good.`,
      ...(diverged > 0
        ? [
            `${counted(diverged, "candidate")} diverged: the loss was no longer a number. A lower learning rate may help.`,
          ]
        : []),
    ],
  };
}

/** Figure of accuracy against each field; undefined if every candidate diverged. */
export function sweepDrawing(report: SweepReport): StudyFigure | undefined {
  const { recipe, fields, rows } = report;
  const finished = rows.filter(({ accuracy }) => accuracy !== null);
  if (finished.length === 0) return undefined;
  // If epochs are a varied field, they do not define rungs.
  const isVaried = fields.some(({ name }) => name === EPOCHS);
  const most = Math.max(...rows.map(({ epochs }) => epochs));
  const kindOf = (row: SweepRow): SweepPointKind => {
    if (row === finished[0]) return "best";
    return isVaried || row.epochs === most ? "last rung" : "earlier rung";
  };
  const allPanels = fields.map(({ name, isRange }): SweepPanel => {
    const values = rows.flatMap(({ changes }) => (name in changes ? [changes[name]!] : []));
    const points = finished.filter(({ changes }) => name in changes);
    return {
      field: name,
      values: isRange ? undefined : [...new Set(values)].toSorted(inOrder).map(valueText),
      points: points.map((row) => ({
        x: isRange ? Number(row.changes[name]) : valueText(row.changes[name]!),
        accuracy: row.accuracy!.mean,
        standardDeviation: row.accuracy!.standardDeviation,
        kind: kindOf(row),
      })),
    };
  });
  const panels = allPanels.filter(({ points }) => points.length > 0);
  const title = `Recipe ${recipe}: validation accuracy against what was varied`;
  const note = `${counted(finished.length, "candidate")}, each in the panel of every field that it has; ${counted(report.seeds, "seed")}.`;
  const caption = `Each candidate at its value of each field${report.seeds > 1 ? ", with a standard deviation of its seeds to both sides" : ""}. A best value at the end of a field's values says: try further.`;
  return drawn(sweepFigure, { title, panels, note }, { name: "sweep", title, caption, section: "gains" });
}

/** Sort order: numbers by value, before everything else. */
function inOrder(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return Number(typeof b === "number") - Number(typeof a === "number");
}
