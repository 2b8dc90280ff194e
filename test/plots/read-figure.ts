import { DOMParser } from "linkedom";
import { textWidth } from "../../src/plots/text.ts";

/** What is read of an element of a drawn figure. */
export interface Drawn {
  readonly tagName: string;
  readonly textContent: string | null;
  readonly children: Iterable<Drawn>;
  readonly parentElement: Drawn | null;
  getAttribute(name: string): string | null;
  querySelectorAll(selector: string): Iterable<Drawn>;
}

export interface DrawnText {
  readonly text: string;
  readonly size: number;
  /** Rough bounds in pixels of the figure; undefined of sloping text. */
  readonly box: { left: number; top: number; right: number; bottom: number } | undefined;
  /** Corners of the same; sloping text has them too. */
  readonly corners: readonly (readonly [number, number])[];
}

/** Heights of letters above and below their line, in sizes. */
const ASCENT = 0.74;
const DESCENT = 0.16;

export function parseFigure(svgText: string): Drawn {
  const root: Drawn | null = new DOMParser().parseFromString(svgText, "image/svg+xml").documentElement;
  if (!root) throw new Error("no figure");
  return root;
}

export function all(root: Drawn, selector: string): Drawn[] {
  return [...root.querySelectorAll(selector)];
}

/** Numbers of an attribute: "translate(3,-4)" gives 3 and -4. */
export function numbersOf(element: Drawn, attribute: string): number[] {
  return [...(element.getAttribute(attribute) ?? "").matchAll(/-?\d+(?:\.\d+)?(?:e-?\d+)?/g)].map(Number);
}

/** Points of a path of straight lines. */
export function pathPoints(path: Drawn): [number, number][] {
  const numbers = numbersOf(path, "d");
  return numbers.flatMap((x, i) => (i % 2 === 0 ? [[x, numbers[i + 1]!] as [number, number]] : []));
}

/** Points of symbols, the same in pixels: circles have a centre, other symbols are moved. */
export function symbolPoint(symbol: Drawn): [number, number] {
  if (symbol.tagName !== "circle") return numbersOf(symbol, "transform") as [number, number];
  return [Number(symbol.getAttribute("cx")), Number(symbol.getAttribute("cy"))];
}

/** From pixels back to values, by the labels of the ticks of the n-th axis of this name. */
export function axisOf(root: Drawn, name: "x" | "y", which = 0, log = false): (pixel: number) => number {
  const group = all(root, `[data-part="${name}-axis tick label"]`)[which]!;
  const ticks = [...group.children].map((tick) => {
    const [x, y] = numbersOf(tick, "transform");
    const value = tickValue(tick.textContent ?? "");
    return { pixel: name === "x" ? x! : y!, value: log ? Math.log(value) : value };
  });
  const [first, last] = [ticks[0]!, ticks.at(-1)!];
  const slope = (last.value - first.value) / (last.pixel - first.pixel);
  return (pixel) => {
    const value = first.value + (pixel - first.pixel) * slope;
    return log ? Math.exp(value) : value;
  };
}

function tickValue(text: string): number {
  const unit = { k: 1e3, M: 1e6, G: 1e9 }[text.at(-1)!] ?? 1;
  return Number.parseFloat(text.replace("−", "-")) * unit;
}

/** Every text of the figure, with the pixels that it takes. */
export function drawnTexts(root: Drawn): DrawnText[] {
  return all(root, "text").map((element) => {
    const text = [...element.children].some(({ tagName }) => tagName === "title")
      ? (element.textContent ?? "").slice(0, -([...element.children][0]?.textContent ?? "").length)
      : (element.textContent ?? "");
    const size = Number(inherited(element, "font-size"));
    const width = textWidth(text, size, inherited(element, "font-weight") === "bold");
    const x = numbersOf(element, "x")[0] ?? 0;
    const y = (numbersOf(element, "y")[0] ?? 0) * ((element.getAttribute("y") ?? "").endsWith("em") ? size : 1);
    const left = x - width * ({ start: 0, middle: 0.5, end: 1 }[inherited(element, "text-anchor") ?? "start"] ?? 0);
    const [top, bottom] = [y - ASCENT * size, y + DESCENT * size];
    const square = [
      [left, top],
      [left + width, top],
      [left + width, bottom],
      [left, bottom],
    ] as const;
    const corners = square.map((corner) => toFigure(element, corner));
    const [from, , to] = corners;
    const level = Math.abs(from![1] - corners[1]![1]) < 1e-6;
    const box = level ? { left: from![0], top: from![1], right: to![0], bottom: to![1] } : undefined;
    return { text, size, corners, box };
  });
}

function inherited(element: Drawn, attribute: string): string | null {
  for (let at: Drawn | null = element; at; at = at.parentElement) {
    const value = at.getAttribute(attribute);
    if (value !== null) return value;
  }
  return null;
}

/** From an element's own coordinates to the figure's, by all that moves or turns it. */
export function toFigure(element: Drawn, [x, y]: readonly [number, number]): [number, number] {
  let point: [number, number] = [x, y];
  for (let at: Drawn | null = element; at; at = at.parentElement) {
    const steps = [...(at.getAttribute("transform") ?? "").matchAll(/(translate|rotate)\(([^)]*)\)/g)].reverse();
    for (const [, kind, list] of steps) {
      const [a = 0, b = 0] = list!.split(/[ ,]+/).map(Number);
      const angle = kind === "rotate" ? (a * Math.PI) / 180 : 0;
      const turned = [
        point[0] * Math.cos(angle) - point[1] * Math.sin(angle),
        point[0] * Math.sin(angle) + point[1] * Math.cos(angle),
      ] as const;
      point = kind === "rotate" ? [...turned] : [point[0] + a, point[1] + b];
    }
  }
  return point;
}
