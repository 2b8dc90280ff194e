import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { confusionFigure } from "../../src/plots/confusion.ts";
import { contactSheet } from "../../src/plots/contact-sheet.ts";
import { costFigure } from "../../src/plots/cost.ts";
import { accuracyCurves, curvesOverview, lossCurves } from "../../src/plots/curves.ts";
import { differenceFigure } from "../../src/plots/difference.ts";
import { learningRatesFigure } from "../../src/plots/learning-rates.ts";
import { drawSvg, pngBytes } from "../../src/plots/node/render.ts";
import { precisionRecallFigure, rocFigure } from "../../src/plots/ranking-curves.ts";
import { reliabilityFigure } from "../../src/plots/reliability.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { confusion, curves, FASHION, ladder, ranking, reliability, sheet } from "./example-figures.ts";
import { all, drawnTexts, numbersOf, parseFigure } from "./read-figure.ts";

const HOSTILE = `<b>&"'</b> ☃`;
const letters = Array.from({ length: 26 }, (_, i) => `letter ${String.fromCharCode(97 + i)}`);
const hundred = Array.from({ length: 100 }, (_, i) => `class number ${i}`);
const crowd = { ...ladder, points: [...ladder.points, ...ladder.points.map((p) => ({ ...p, x: p.x * 1.3 }))] };
const differences = {
  title: "Enhanced minus Base",
  xLabel: "points of test accuracy",
  rows: [
    { name: "The study", difference: 0.0171, note: "1 run" },
    { name: "Ours", difference: 0.0093, low: 0.0071, high: 0.0115, note: "5 seeds each, Welch's t, 95 %" },
  ],
};

/** Steps of a learning-rate finder: the loss falls and rises. */
const valley = (steps: number) =>
  Array.from({ length: steps }, (_, i) => ({
    rate: 1e-6 * 1.3 ** i,
    loss: 2.3 - Math.sin(i / 20) + 0.1 * Math.cos(9 * i),
    smoothLoss: 2.3 - Math.sin(i / 20),
  }));

/** Every figure, of usual and of extreme inputs. */
const FIGURES: readonly (readonly [string, () => string])[] = [
  ["accuracy, 1 seed", () => drawSvg(accuracyCurves, { ...curves(1, 12), note: "A note. ".repeat(30) })],
  ["accuracy, 5 seeds", () => drawSvg(accuracyCurves, curves(5, 30))],
  ["accuracy, 1 epoch", () => drawSvg(accuracyCurves, curves(5, 1))],
  ["loss, no validation", () => drawSvg(lossCurves, curves(3, 12, false))],
  ["overview", () => drawSvg(curvesOverview, { title: "Both", models: [curves(3, 12), curves(1, 18)] })],
  ["confusion, 10 classes", () => drawSvg(confusionFigure, confusion(FASHION))],
  ["confusion, 2 classes", () => drawSvg(confusionFigure, confusion(["no", "T-shirt/top or shirt"], 100_000))],
  ["confusion, 26 classes", () => drawSvg(confusionFigure, confusion(letters))],
  ...(IS_THOROUGH
    ? ([["confusion, 100 classes", () => drawSvg(confusionFigure, confusion(hundred, 200))]] as const)
    : []),
  ["ROC, 10 classes", () => drawSvg(rocFigure, { title: "ROC", classes: ranking(FASHION), note: "A note." })],
  ["ROC, 1 class", () => drawSvg(rocFigure, { title: "ROC", classes: ranking(["T-shirt/top"]) })],
  ["precision, 100 classes", () => drawSvg(precisionRecallFigure, { title: "P and R", classes: ranking(hundred) })],
  ["cost", () => drawSvg(costFigure, ladder)],
  ["cost, 32 points", () => drawSvg(costFigure, crowd)],
  ["cost, 1 point", () => drawSvg(costFigure, { ...ladder, points: ladder.points.slice(2, 3) })],
  ["reliability", () => drawSvg(reliabilityFigure, reliability)],
  [
    "learning rates",
    () =>
      drawSvg(learningRatesFigure, {
        title: "Rates",
        steps: valley(60),
        suggestion: 1e-3,
        note: "A note. ".repeat(30),
      }),
  ],
  [
    "learning rates, 1 step",
    () => drawSvg(learningRatesFigure, { title: "Rates", steps: valley(1), suggestion: null }),
  ],
  ["difference", () => drawSvg(differenceFigure, differences)],
  ["contact sheet", () => drawSvg(contactSheet, sheet(15, 6))],
  ["contact sheet, 1 image", () => drawSvg(contactSheet, sheet(1, 6))],
];

describe.each(FIGURES)("%s", (_, draw) => {
  const text = draw();
  const root = parseFigure(text);
  const [width, height] = ["width", "height"].map((side) => Number(root.getAttribute(side))) as [number, number];
  const texts = drawnTexts(root);

  test("is deterministic, as text and as PNG bytes", () => {
    expect(draw()).toBe(text);
    expect(Buffer.compare(pngBytes(text, { scale: 1 }), pngBytes(text, { scale: 1 }))).toBe(0);
  });

  test("has its size, a white background, and no ids or classes that could collide with another figure", () => {
    expect(numbersOf(root, "viewBox")).toEqual([0, 0, width, height]);
    const [paper] = all(root, "rect");
    expect([paper?.getAttribute("fill"), numbersOf(paper!, "width")]).toEqual(["#ffffff", [width]]);
    expect(all(root, "style, [id], [class], script")).toEqual([]);
    expect(text).not.toMatch(/NaN|undefined|Infinity|\bnull\b/);
  });

  test("has no text outside, none over another, none too small to read", () => {
    expect(texts.length).toBeGreaterThan(2);
    for (const { corners, text: said, size } of texts) {
      expect(size, said).toBeGreaterThanOrEqual(11);
      for (const [x, y] of corners) {
        expect(Math.min(x, y, width - x, height - y), `${said} at ${x}, ${y}`).toBeGreaterThanOrEqual(0);
      }
    }
    const level = texts.filter(({ box }) => box !== undefined);
    const overlapping = level.flatMap((a, i) =>
      level
        .slice(i + 1)
        .filter(({ box: b }) => overlap(a.box!, b!))
        .map((b) => `${a.text} / ${b.text}`),
    );
    expect(overlapping).toEqual([]);
  });

  test("is rendered at twice its size, neither blank nor full", () => {
    const picture = decode(pngBytes(text, { scale: 2 }));
    expect([picture.width, picture.height, picture.channels]).toEqual([2 * width, 2 * height, 4]);
    const white = countWhite(picture.data) / (picture.width * picture.height);
    expect(white).toBeGreaterThan(0.1);
    expect(white).toBeLessThan(0.995);
  });
});

describe("a figure", () => {
  test("escapes names with markup characters", () => {
    const names = [HOSTILE, ...FASHION.slice(1, 3)];
    const drawings = [
      drawSvg(confusionFigure, { ...confusion(names), title: HOSTILE, note: HOSTILE }),
      drawSvg(accuracyCurves, { ...curves(1, 3), model: HOSTILE }),
      drawSvg(costFigure, { ...ladder, points: [{ ...ladder.points[0]!, name: HOSTILE }] }),
      drawSvg(differenceFigure, { ...differences, rows: [{ name: HOSTILE, difference: 0.01, note: HOSTILE }] }),
      drawSvg(contactSheet, {
        ...sheet(1, 1),
        images: [{ ...sheet(1, 1).images[0]!, caption: [HOSTILE] }],
      }),
    ];
    for (const drawing of drawings) {
      expect(drawing).not.toContain("<b>");
      expect(
        drawnTexts(parseFigure(drawing))
          .map(({ text }) => text)
          .join("|"),
      ).toContain(HOSTILE);
      expect(pngBytes(drawing).length).toBeGreaterThan(1000);
    }
  });

  test("has its text drawn in the PNG, also where no font is installed", () => {
    const [withTitle, without] = ["MMMMMMMM", "."].map((title) =>
      countWhite(decode(pngBytes(drawSvg(confusionFigure, { ...confusion(["a", "b"]), title }))).data),
    );
    expect(without! - withTitle!).toBeGreaterThan(500);
  });

  test("is rendered at another scale if given", () => {
    const text = drawSvg(lossCurves, curves(1, 2));
    expect(decode(pngBytes(text, { scale: 1 })).width).toBe(Number(parseFigure(text).getAttribute("width")));
  });
});

interface Bounds {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

function overlap(a: Bounds, b: Bounds): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/** White pixels of an RGBA picture. */
function countWhite(data: ArrayLike<number>): number {
  let count = 0;
  for (let i = 0; i < data.length; i += 4)
    count += data[i] === 255 && data[i + 1] === 255 && data[i + 2] === 255 ? 1 : 0;
  return count;
}
