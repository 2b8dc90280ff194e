// Makes two sets of photo-like pictures from the pictures of Debian's packages, to compare recipes on:
//   mkdir debian && cd debian
//   apt-get download tuxpaint-stamps-default plasma-workspace-wallpapers gnome-backgrounds
//   for package in *.deb; do dpkg -x $package root; done
//   cd .. && npm run build && node scripts/photo-sets.js --from debian/root --out photo-sets --images 30
// Each set has train and test; the test pictures' backgrounds are not in train.
//   birds: six known birds on unseen backgrounds
//   kinds: six kinds of things (bird, fruit, ...), the test pictures' individuals not in train
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { randomStream } from "../build/random.js";

const { values } = parseArgs({
  options: {
    from: { type: "string" },
    out: { type: "string" },
    images: { type: "string", default: "30" },
  },
});
if (!values.from || !values.out) throw new Error("usage: node scripts/photo-sets.js --from FOLDER --out FOLDER");

const STAMPS = join(values.from, "usr/share/tuxpaint/stamps");
const BIRDS = ["duck", "heron_greatblue", "owl", "pelican", "rooster", "seagull"];
const KINDS = {
  bird: "animals/birds",
  cattle: "animals/mammals/bovines",
  fish: "animals/fish",
  flower: "plants/flowers",
  fruit: "food/fruit",
  vegetable: "food/vegetables",
};
const TEST_IMAGES = 50;
const [WIDTH, HEIGHT] = [160, 120];
/** Edge of the backgrounds from which parts are cut. */
const BACKGROUND_EDGE = 640;

const stream = randomStream(1, "sample");
const between = (least, largest) => least + (largest - least) * stream.uniform();
const oneOf = (items) => items[stream.below(items.length)];

const isPicture = (name) => /\.(png|jpg|webp)$/.test(name) && !/screenshot|_mirror|_flip/.test(name);
const picturesIn = (folder) =>
  readdirSync(folder)
    .filter(isPicture)
    .sort()
    .map((name) => join(folder, name));

const backgroundFiles = ["usr/share/wallpapers", "usr/share/backgrounds/gnome"]
  .map((folder) => join(values.from, folder))
  .flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => join(folder, name)))
  .filter(isPicture)
  .sort();
/** A wallpaper comes in several sizes and as light and dark: "wallpapers/Kay", "gnome/pixels". */
const wallpaperOf = (file) => /(?:wallpapers\/[^/]+|gnome\/[^-.]+)/.exec(file)[0];
const wallpapers = [...new Set(backgroundFiles.map(wallpaperOf))];
const background = { width: BACKGROUND_EDGE, height: BACKGROUND_EDGE };
const backgrounds = [];
for (const file of backgroundFiles) {
  const squared = sharp(file).resize({ ...background, fit: "cover" });
  const pixels = await squared.removeAlpha().raw().toBuffer();
  backgrounds.push({ pixels, wallpaper: wallpapers.indexOf(wallpaperOf(file)) });
}

/** One picture: an object somewhere near the middle of a part of a background. */
async function writePicture(file, object, backgrounds) {
  const scale = between(1, 3);
  const part = { width: Math.round(WIDTH * scale), height: Math.round(HEIGHT * scale) };
  const place = { left: stream.below(BACKGROUND_EDGE - part.width), top: stream.below(BACKGROUND_EDGE - part.height) };
  const behind = await sharp(oneOf(backgrounds).pixels, { raw: { ...background, channels: 3 } })
    .extract({ ...place, ...part })
    .resize(WIDTH, HEIGHT)
    .toBuffer({ resolveWithObject: true });
  const edge = Math.round(between(0.45, 0.85) * HEIGHT);
  const small = await sharp(object)
    .flop(stream.below(2) === 1)
    .resize(4 * edge, 4 * edge, { fit: "inside" })
    .toBuffer();
  const turned = await sharp(small).rotate(between(-15, 15), { background: "#0000" }).toBuffer();
  const front = await sharp(turned)
    .resize(edge, edge, { fit: "inside" })
    .modulate({ brightness: between(0.75, 1.2) })
    .png()
    .toBuffer({ resolveWithObject: true });
  const free = [WIDTH - front.info.width, HEIGHT - front.info.height];
  const [left, top] = [
    Math.round(free[0] / 2 + between(-0.4, 0.4) * Math.min(free[0], HEIGHT - front.info.width)),
    Math.round(between(0.1, 0.9) * free[1]),
  ];
  const { width, height, channels } = behind.info;
  await sharp(behind.data, { raw: { width, height, channels } })
    .composite([{ input: front.data, left: Math.max(0, left), top }])
    .jpeg({ quality: 90 })
    .toFile(file);
}

async function writeSet(name, classes) {
  const halves = [0, 1].map((rest) => backgrounds.filter(({ wallpaper }) => wallpaper % 2 === rest));
  for (const [part, count, behind] of [
    ["train", Number(values.images), halves[0]],
    ["test", TEST_IMAGES, halves[1]],
  ]) {
    for (const [label, objects] of Object.entries(classes(part))) {
      const folder = join(values.out, name, part, label);
      mkdirSync(folder, { recursive: true });
      for (let i = 0; i < count; i++) await writePicture(join(folder, `${i}.jpg`), objects[i % objects.length], behind);
    }
  }
}

await writeSet("birds", () =>
  Object.fromEntries(BIRDS.map((bird) => [bird, [join(STAMPS, "animals/birds", `${bird}.png`)]])),
);
await writeSet("kinds", (part) =>
  Object.fromEntries(
    Object.entries(KINDS).map(([kind, folder]) => {
      // Every third individual is for testing only.
      const chosen = picturesIn(join(STAMPS, folder)).filter((_, i) => (i % 3 === 2) === (part === "test"));
      return [kind, chosen];
    }),
  ),
);
