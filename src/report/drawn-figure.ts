import type { Figure } from "../plots/dom.ts";
import { drawSvg } from "../plots/node/draw-svg.ts";

/** A picture of the report. */
export interface StudyFigure {
  /** The name of its file, without extension. */
  readonly name: string;
  readonly title: string;
  /** What is seen, for the page; the picture itself says only what it needs to be understood alone. */
  readonly caption: string;
  readonly section: FigureSection;
  /** The text of an SVG file. */
  readonly svg: string;
}

export type FigureSection =
  | "gains"
  | "overview"
  | "curves"
  | "confusion"
  | "calibration"
  | "mistakes"
  | "data"
  | "cost";

/** A figure with its picture drawn. */
export function drawn<Input>(figure: Figure<Input>, input: Input, words: Omit<StudyFigure, "svg">): StudyFigure {
  return { ...words, svg: drawSvg(figure, input) };
}
