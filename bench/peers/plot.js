/** Draws cost against images, width and depth, in the style of the report's figures. */
import * as Plot from "@observablehq/plot";
import { logTicks } from "../../build/plots/cost.js";
import { AXIS, drawPlot, frame, GRID, moved } from "../../build/plots/figure.js";
import { textBlock } from "../../build/plots/text.js";
import { COLORS, FONT_PX, MARGIN_PX } from "../../build/plots/theme.js";
import { shortNumber } from "../../build/text.js";

const PANEL = { width: 300, height: 300, left: 46, top: 34, right: 14, bottom: 44 };
/** Padding at the ends of an axis: a factor. */
const AIR = 1.25;
const LOOKS = {
  tailor: { name: "tailor", color: COLORS.blue, dash: "none", symbol: "circle" },
  pytorch: { name: "PyTorch", color: COLORS.vermillion, dash: "6 3", symbol: "square" },
};

/** @param input { cost, fixed, note }: the results of measureCost, the fixed values, and the machine */
export function costPlot(document, { cost, fixed, note }) {
  const times = cost.flatMap(({ points }) => points.flatMap(({ milliseconds }) => milliseconds ?? []));
  const range = [Math.min(...times) / AIR, Math.max(...times) * AIR];
  const peers = Object.keys(LOOKS).filter((peer) => cost[0].points.some((point) => point.peer === peer));
  return frame(document, {
    title: "What a training step costs",
    subtitle: fixed,
    legend: peers.map((peer) => ({
      label: LOOKS[peer].name,
      marks: marksOf(
        [0.02, 0.98].map((x) => ({ x, y: 0.5 })),
        LOOKS[peer],
        [{ x: 0.5, y: 0.5 }],
      ),
    })),
    notes: [note],
    width: MARGIN_PX + PANEL.width * cost.length,
    height: PANEL.height,
    body: cost.map((panel, i) => moved(document, drawPanel(document, panel, peers, range), PANEL.width * i, 0)),
  });
}

function drawPanel(document, { label, points }, peers, range) {
  const values = points.map(({ value }) => value);
  const [low, high] = [Math.min(...values) / AIR, Math.max(...values) * AIR];
  const plot = drawPlot(document, {
    width: PANEL.width,
    height: PANEL.height,
    marginLeft: PANEL.left,
    marginTop: PANEL.top,
    marginRight: PANEL.right,
    marginBottom: PANEL.bottom,
    x: { type: "log", domain: [low, high] },
    y: { type: "log", domain: range },
    marks: [
      Plot.gridY(logTicks(...range), GRID),
      Plot.axisX([...new Set(values)], { ...AXIS, text: shortNumber, label, labelAnchor: "center" }),
      Plot.axisY(logTicks(...range), { ...AXIS, text: shortNumber, label: null }),
      ...peers.flatMap((peer) => {
        const drawn = points
          .filter((point) => point.peer === peer && point.milliseconds !== null)
          .map(({ value, milliseconds }) => ({ x: value, y: milliseconds }));
        return marksOf(drawn, LOOKS[peer]);
      }),
    ],
  });
  plot.append(textBlock(document, ["milliseconds a step"], { x: MARGIN_PX, y: 8, size: FONT_PX.small }));
  return plot;
}

function marksOf(points, { color, dash, symbol }, dots = points) {
  return [
    Plot.line(points, { x: "x", y: "y", stroke: color, strokeWidth: 2, strokeDasharray: dash }),
    Plot.dot(dots, { x: "x", y: "y", fill: color, symbol, r: 4 }),
  ];
}
