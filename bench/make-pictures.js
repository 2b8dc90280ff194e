/**
 * Makes folders of small pictures, to measure what many of them take: each class has a shape, each picture a place, a size
 * and colours of its own.
 *
 *   node bench/make-pictures.js FOLDER [--pictures 5000] [--size 96]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { randomStream } from "../build/random.js";

const SHAPES = {
  disc: '<circle r="1"/>',
  square: '<rect x="-1" y="-1" width="2" height="2"/>',
  triangle: '<polygon points="0,-1 1,1 -1,1"/>',
  bar: '<rect x="-1" y="-.25" width="2" height=".5"/>',
};
/** Pictures made at once. */
const AT_ONCE = 8;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { pictures: { type: "string", default: "5000" }, size: { type: "string", default: "96" } },
});
const [folder] = positionals;
const [pictures, size] = [Number(values.pictures), Number(values.size)];
if (folder === undefined || !(pictures > 0) || !(size > 0)) {
  console.error("usage: node bench/make-pictures.js FOLDER [--pictures 5000] [--size 96]");
  process.exit(2);
}
const names = Object.keys(SHAPES);
for (const name of names) mkdirSync(join(folder, name), { recursive: true });
for (let start = 0; start < pictures; start += AT_ONCE) {
  const count = Math.min(AT_ONCE, pictures - start);
  await Promise.all(Array.from({ length: count }, (_, i) => make(start + i)));
}

async function make(index) {
  const name = names[index % names.length];
  const draws = randomStream(1, "sample", index);
  const color = () => `rgb(${[0, 0, 0].map(() => draws.below(256)).join()})`;
  const radius = size * (0.15 + 0.15 * draws.uniform());
  const at = () => radius + (size - 2 * radius) * draws.uniform();
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}"><rect width="${size}" height="${size}" fill="${color()}"/>
    <g fill="${color()}" transform="translate(${at()} ${at()}) scale(${radius}) rotate(${360 * draws.uniform()})">${SHAPES[name]}</g></svg>`;
  const bytes = await sharp(Buffer.from(svg)).jpeg().toBuffer();
  writeFileSync(join(folder, name, `${String(index).padStart(6, "0")}.jpg`), bytes);
}
