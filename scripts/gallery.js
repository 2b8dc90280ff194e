// Draws a gallery of garments, prepares and classifies each, and shows every step:
//   npm run build && node scripts/gallery.js --run runs/best --out gallery
// writes the pictures, gallery.svg, gallery.png and gallery.json (the predictions, and the model's input pixels).
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { decodeImage } from "../build/formats/node/image-file.js";
import { loadClassifier, prepareImage } from "../build/index.js";
import { pngBytes } from "../build/plots/node/render.js";
import { galleryPictures } from "./gallery/pictures.js";
import { sheetSvg } from "./gallery/sheet.js";

const { values } = parseArgs({
  options: {
    run: { type: "string" },
    out: { type: "string" },
    columns: { type: "string" },
  },
});
if (!values.run || !values.out) throw new Error("usage: node scripts/gallery.js --run RUN --out FOLDER");

mkdirSync(values.out, { recursive: true });
const classifier = await loadClassifier(values.run, { threads: 1 });
const rows = [];
for (const { label, way, encode } of galleryPictures()) {
  const bytes = await encode();
  const { format } = await sharp(bytes).metadata();
  const file = `${label} ${way}.${format}`.replace("/", "-").replaceAll(" ", "-");
  writeFileSync(join(values.out, file), bytes);
  const original = await decodeImage(bytes, file);
  const steps = new Map();
  const pixels = prepareImage(original, classifier.imageShape, { onStep: (step, picture) => steps.set(step, picture) });
  const prediction = await classifier.predict(bytes);
  rows.push({
    file,
    label,
    way,
    original,
    steps,
    pixels,
    prediction,
    said: `${prediction.label} ${(100 * prediction.probability).toFixed(0)} %`,
    isRight: prediction.label === label,
  });
}
await classifier.release();

const svg = await sheetSvg(rows, Number(values.columns ?? 2));
writeFileSync(join(values.out, "gallery.svg"), svg);
writeFileSync(join(values.out, "gallery.png"), pngBytes(svg, { scale: 1 }));
const told = rows.map(({ file, label, way, steps, pixels, prediction }) => ({
  file,
  label,
  way,
  predicted: prediction.label,
  probability: prediction.probability,
  steps: [...steps.keys()],
  pixels: [...pixels],
}));
writeFileSync(join(values.out, "gallery.json"), JSON.stringify(told));
const right = rows.filter(({ isRight }) => isRight).length;
console.log(`${rows.length} pictures, ${right} recognised: ${join(values.out, "gallery.png")}`);
