import type { Spread } from "../evaluation/significance.ts";
import { count, counted } from "../numbers.ts";
import { type SweepPanel, type SweepPointKind, sweepFigure } from "../plots/sweep.ts";
import { type RecipeChanges, valueText } from "../recipes/recipe-fields.ts";
import { drawn, type StudyFigure } from "./drawn-figure.ts";
import { duration } from "./format.ts";
import type { Table } from "./table.ts";
import { known, shortSpreadText } from "./wording.ts";

/** What a sweep found. Accuracies are fractions, of the validation images. */
export interface SweepReport {
  /** The name of the recipe whose fields were varied. */
  readonly recipe: string;
  readonly method: "grid" | "random";
  readonly isHalving: boolean;
  readonly seeds: number;
  readonly trainImages: number;
  readonly validationImages: number;
  /** The fields that were varied, and whether over a range. */
  readonly fields: readonly { readonly name: string; readonly isRange: boolean }[];
  /** Best first. */
  readonly rows: readonly SweepRow[];
}

/** A candidate in the last rung that it was in. */
export interface SweepRow {
  readonly changes: RecipeChanges;
  readonly epochs: number;
  /** Over the seeds, after the last epoch; null where training diverged. */
  readonly accuracy: Spread | null;
  /** Mean cross-entropy, mean of the seeds. */
  readonly loss: number | null;
  /** Of training in this rung, all seeds together. */
  readonly seconds: number;
  /** Folders of the runs. */
  readonly runs: readonly string[];
}

/** A sweep's figures as JSON: what `sweep --json` prints and `sweep.json` keeps. */
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

export function sweepTable({ recipe, seeds, validationImages, fields, rows }: SweepReport): Table {
  const diverged = rows.filter(({ accuracy }) => accuracy === null).length;
  return {
    title: `Recipe ${recipe} with other ${fields.map(({ name }) => name).join(", ")}`,
    header: [...fields.map(({ name }) => name), "epochs", "accuracy", "loss", "trained in"],
    leftColumns: [],
    rows: rows.map(({ changes, epochs, accuracy, loss, seconds }) => [
      ...fields.map(({ name }) => valueText(changes[name]!)),
      String(epochs),
      accuracy ? shortSpreadText(accuracy) : "diverged",
      known(loss, (value) => value.toFixed(4)),
      duration(seconds),
    ]),
    strongRows: [0],
    notes: [
      `Accuracy of ${count(validationImages)} validation images after the last epoch, ${counted(seeds, "seed")}; no test image was looked at.`,
      `These images chose the best of ${counted(rows.length, "candidate")}, so its own accuracy here is a little too good.`,
      ...(diverged > 0 ? [`${counted(diverged, "candidate")} diverged: the rate is too high for the rest.`] : []),
    ],
  };
}

/** Accuracy against each field; undefined where every candidate diverged. */
export function sweepDrawing(report: SweepReport): StudyFigure | undefined {
  const { recipe, fields, rows } = report;
  const finished = rows.flatMap(({ accuracy, ...row }) => (accuracy ? [{ ...row, accuracy: accuracy.mean }] : []));
  if (finished.length === 0) return undefined;
  const most = Math.max(...rows.map(({ epochs }) => epochs));
  const kindOf = (row: (typeof finished)[number]): SweepPointKind => {
    if (row === finished[0]) return "best";
    return row.epochs === most ? "last rung" : "earlier rung";
  };
  const panels = fields.map(({ name, isRange }): SweepPanel => {
    const values = [...new Set(rows.map(({ changes }) => changes[name]!))].toSorted(inOrder).map(valueText);
    return {
      field: name,
      values: isRange ? undefined : values,
      points: finished.map((row) => ({
        x: isRange ? Number(row.changes[name]) : valueText(row.changes[name]!),
        accuracy: row.accuracy,
        kind: kindOf(row),
      })),
    };
  });
  const title = `Recipe ${recipe}: validation accuracy against what was varied`;
  const note = `${counted(finished.length, "candidate")}, each in every panel; ${counted(report.seeds, "seed")}.`;
  const caption = `Each candidate at its value of each field. A best value at the end of a field's values says: try further.`;
  return drawn(sweepFigure, { title, panels, note }, { name: "sweep", title, caption, section: "gains" });
}

/** Numbers by size, and before all else. */
function inOrder(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return Number(typeof b === "number") - Number(typeof a === "number");
}
