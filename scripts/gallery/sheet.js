// The gallery as one picture: one row per drawing, one column per step.
import sharp from "sharp";

export const STEPS = ["flatten", "trim", "cut", "resize", "negate", "sharpen", "stretch", "centre"];

const CELL = 84;
const GAP = 6;
const LABEL = 176;
const ROW = CELL + GAP;
const HEAD = 26;
const escapeXml = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** A picture as a PNG data URI; small ones are enlarged without smoothing. */
async function pngUri({ data, width, height, channels }) {
  const bytes = Uint8ClampedArray.from(data);
  const enlarged = Math.max(width, height) < CELL;
  const image = sharp(bytes, { raw: { width, height, channels } }).resize({
    width: 2 * CELL,
    height: 2 * CELL,
    fit: "inside",
    kernel: enlarged ? "nearest" : "lanczos3",
  });
  return `data:image/png;base64,${(await image.png().toBuffer()).toString("base64")}`;
}

/**
 * The sheet as an SVG.
 *
 * @param {{ label: string, way: string, original: object, steps: Map<string, object>, said: string, isRight: boolean }[]} rows
 *   pictures as { data, width, height, channels }
 * @param {number} columns blocks of rows side by side
 */
export async function sheetSvg(rows, columns) {
  const blockWidth = LABEL + (STEPS.length + 1) * (CELL + GAP) + 12;
  const perBlock = Math.ceil(rows.length / columns);
  const width = columns * blockWidth;
  const height = HEAD + perBlock * ROW;
  const parts = [];
  for (let block = 0; block < columns; block++) {
    for (const [i, step] of ["picture", ...STEPS].entries()) {
      const x = block * blockWidth + LABEL + i * (CELL + GAP) + CELL / 2;
      parts.push(`<text x="${x}" y="16" text-anchor="middle" font-size="13">${step}</text>`);
    }
  }
  for (const [index, { label, way, original, steps, said, isRight }] of rows.entries()) {
    const left = Math.floor(index / perBlock) * blockWidth;
    const top = HEAD + (index % perBlock) * ROW;
    const lines = [
      `<tspan font-weight="bold">${escapeXml(label)}</tspan>`,
      escapeXml(way),
      `<tspan fill="${isRight ? "#0072b2" : "#d55e00"}">${escapeXml(said)}</tspan>`,
    ];
    for (const [i, line] of lines.entries()) {
      parts.push(`<text x="${left + 6}" y="${top + 30 + 18 * i}" font-size="13">${line}</text>`);
    }
    for (const [i, picture] of [original, ...STEPS.map((step) => steps.get(step))].entries()) {
      const x = left + LABEL + i * (CELL + GAP);
      parts.push(`<rect x="${x}" y="${top}" width="${CELL}" height="${CELL}" fill="#cfe3cf"/>`);
      parts.push(
        `<image x="${x}" y="${top}" width="${CELL}" height="${CELL}" image-rendering="optimizeSpeed" href="${await pngUri(picture)}"/>`,
      );
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="DejaVu Sans"><rect width="${width}" height="${height}" fill="#ffffff"/>${parts.join("")}</svg>`;
}
