// Accuracy on test images that were enlarged, put on other backgrounds and prepared again:
//   npm run build && node scripts/round-trip.js --run runs/best --images 300
import { parseArgs } from "node:util";
import sharp from "sharp";
import { loadClassifier, loadFashionMnist } from "../build/index.js";

const { values } = parseArgs({ options: { run: { type: "string" }, images: { type: "string", default: "300" } } });
if (!values.run) throw new Error("usage: node scripts/round-trip.js --run RUN [--images N]");

const SCALE = 10;
const [WIDTH, HEIGHT, LEFT, TOP] = [420, 370, 90, 30];
const BLUE = [90, 140, 200];

// Each background: the channels of a pixel, given the garment's value v (0: background) and the pixel's position.
const GROUNDS = {
  white: (v) => [255 - v],
  black: (v) => [v],
  "light blue, garment dyed": (v) => BLUE.map((channel) => channel * (1 - v / 255)),
  "blue, garment gray": (v) => BLUE.map((channel) => channel + (255 - v - channel) * Math.min(1, v / 20)),
  transparent: (v) => [255 - v, v > 8 ? 255 : 0],
  "light from one side": (v, x, y) => [(180 + (70 * x) / WIDTH - (30 * y) / HEIGHT) * (1 - v / 255)],
};

async function onGround(image, ground) {
  const enlarged = await sharp(image, { raw: { width: 28, height: 28, channels: 1 } })
    .resize(28 * SCALE, 28 * SCALE, { kernel: "cubic" })
    .toColourspace("b-w")
    .raw()
    .toBuffer();
  const channels = ground(0, 0, 0).length;
  const data = new Uint8Array(WIDTH * HEIGHT * channels);
  for (let y = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++) {
      const [u, v] = [x - LEFT, y - TOP];
      const isInside = u >= 0 && v >= 0 && u < 28 * SCALE && v < 28 * SCALE;
      data.set(ground(isInside ? enlarged[v * 28 * SCALE + u] : 0, x, y).map(Math.round), (y * WIDTH + x) * channels);
    }
  return { data, width: WIDTH, height: HEIGHT, channels };
}

const { test } = await loadFashionMnist();
const count = Number(values.images);
const images = Array.from({ length: count }, (_, i) => test.images.read(i, i + 1));
const classifier = await loadClassifier(values.run);

async function accuracy(make) {
  let correct = 0;
  for (const [i, image] of images.entries()) {
    const { label } = await classifier.predict(await make(image));
    if (label === test.classNames[test.labels[i]]) correct++;
  }
  return `${((100 * correct) / count).toFixed(1)} %`;
}

console.log(`the images themselves: ${await accuracy((data) => ({ data, width: 28, height: 28, channels: 1 }))}`);
for (const [name, ground] of Object.entries(GROUNDS)) {
  console.log(`${name}: ${await accuracy((image) => onGround(image, ground))}`);
}
await classifier.release();
