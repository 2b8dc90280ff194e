import * as Plot from "@observablehq/plot";
import type { LegendItem } from "./legend.ts";
import { COLORS, INK } from "./theme.ts";

/** Whose point it is. De-duplicated data: the release of 31 August 2017, see docs/ladder.md. */
export type CostKind = "ours" | "study" | "published" | "published, de-duplicated data";

/** A network in a cost figure. */
export interface CostPoint {
  readonly name: string;
  /** Parameters, multiply-adds, ...: above 0. */
  readonly x: number;
  /** 0 to 1, as are `low` and `high`, the ends of its spread. */
  readonly accuracy: number;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  readonly kind: CostKind;
}

/** Symbols differ as well as colours. `r` is that of a circle of the same area, `reach` how far the symbol goes. */
export const COST_LOOK = {
  ours: { symbol: "star", stroke: INK.paper, fill: COLORS.vermillion, r: 5.5, reach: 8, text: COLORS.vermillion },
  study: { symbol: "square", stroke: INK.paper, fill: COLORS.blue, r: 5.5, reach: 5.5, text: COLORS.blue },
  published: { symbol: "circle", stroke: INK.quiet, fill: INK.paper, r: 4, reach: 5, text: INK.text },
  "published, de-duplicated data": {
    symbol: "triangle",
    stroke: INK.paper,
    fill: COLORS.green,
    r: 4.5,
    reach: 6.5,
    text: INK.text,
  },
} as const satisfies Record<CostKind, object>;

const KINDS = ["ours", "study", "published", "published, de-duplicated data"] as const;

export const FRONT_LOOK = { stroke: INK.quiet, strokeWidth: 1.25, strokeDasharray: "5 3" } as const;

/** Of the outlines of symbols, which keep those that overlap apart. */
export const SYMBOL_STROKE_PX = 1.25;

/** Keys of the kinds that are there, and of the front. */
export function costLegend(kinds: readonly CostKind[]): LegendItem[] {
  const items = KINDS.filter((kind) => kinds.includes(kind)).map((kind) => {
    const { symbol, stroke, fill, r } = COST_LOOK[kind];
    return { label: kind, marks: [Plot.dot([[0.5, 0.5]], { symbol, stroke, fill, r, strokeWidth: SYMBOL_STROKE_PX })] };
  });
  const corner = [
    [0, 0.1],
    [0.5, 0.1],
    [0.5, 0.9],
    [1, 0.9],
  ] as const;
  return [...items, { label: "best accuracy for the cost", marks: [Plot.line(corner, FRONT_LOOK)] }];
}

/** Kinds in front of others come first. */
export function byKind(a: { readonly kind: CostKind }, b: { readonly kind: CostKind }): number {
  return KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind);
}
