// The pictures of the gallery: each class in four ways, in various file formats and on various backgrounds.
import sharp from "sharp";
import { CLOTH, GARMENTS, garmentSvg } from "./garments.js";

const PHOTO = { width: 480, height: 640, edge: 400 };
const gradient = (from, to) =>
  `<defs><linearGradient id="light" x2="1" y2="1"><stop stop-color="${from}"/><stop offset="1" stop-color="${to}"/></linearGradient></defs>`;
const vignette = `<defs><radialGradient id="light" r="0.75"><stop stop-color="#f2f0ea"/><stop offset="1" stop-color="#b9b6ae"/></radialGradient></defs>`;

const draw = (look) => sharp(garmentSvg({ ...PHOTO, ...look }));

/** Camera-like noise, the same for all pictures of one size. */
async function noisy(image, sigma) {
  const { data, info } = await image.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  // A sum of uniform numbers is nearly normal; its variance is a third of the twelfths.
  const normal = () => (uniform() + uniform() + uniform() + uniform() - 2) * Math.sqrt(3);
  const grainy = Uint8ClampedArray.from(data, (value) => value + sigma * normal());
  return sharp(grainy, { raw: info });
}

/** Two frames, the garment in the first. */
async function animated(label, format) {
  const look = { label, cloth: CLOTH.dark, width: 240, height: 300, edge: 210, ground: "#ffffff" };
  const frames = [garmentSvg(look), garmentSvg({ ...look, label: label === "Bag" ? "Trouser" : "Bag" })];
  const pixels = await Promise.all(frames.map((frame) => sharp(frame).flatten().removeAlpha().raw().toBuffer()));
  return sharp(Buffer.concat(pixels), { raw: { width: 240, height: 600, channels: 3, pageHeight: 300 } })
    .toFormat(format)
    .toBuffer();
}

/** Ways to picture a garment. @type {Record<string, (label: string) => Promise<Buffer>>} */
const WAYS = {
  "on white": (label) => draw({ label, cloth: CLOTH.dark, ground: "#ffffff" }).png().toBuffer(),
  "pale on black": (label) => draw({ label, cloth: CLOTH.pale, ground: "#050505" }).png().toBuffer(),
  "red on blue": (label) => draw({ label, cloth: CLOTH.red, ground: "#3d6fb4" }).png().toBuffer(),
  transparent: (label) => draw({ label, cloth: CLOTH.middle }).png().toBuffer(),
  "noisy photo": async (label) =>
    (await noisy(draw({ label, cloth: CLOTH.middle, ground: "#e4dfd4", edge: 300 }), 14))
      .jpeg({ quality: 60 })
      .toBuffer(),
  "light from one side": (label) =>
    draw({ label, cloth: CLOTH.dark, ground: "url(#light)", behind: gradient("#fbfbf8", "#b4b2ac") })
      .webp()
      .toBuffer(),
  "dark corners": (label) =>
    draw({ label, cloth: CLOTH.red, ground: "url(#light)", behind: vignette }).jpeg().toBuffer(),
  "a shadow behind": (label) =>
    draw({
      label,
      cloth: CLOTH.dark,
      ground: "#f4f4f2",
      behind: `<ellipse cx="252" cy="500" rx="200" ry="26" fill="#e0e0dd"/>`,
    })
      .png()
      .toBuffer(),
  "turned 8 degrees": (label) =>
    draw({ label, cloth: CLOTH.middle, ground: "#ffffff", turn: 8, edge: 360 }).tiff().toBuffer(),
  "pale on green": (label) => draw({ label, cloth: CLOTH.pale, ground: "#4f9d5d" }).avif({ quality: 60 }).toBuffer(),
  "pale on white": (label) => draw({ label, cloth: CLOTH.pale, ground: "#ffffff" }).png().toBuffer(),
  "3000 pixels": (label) =>
    draw({ label, cloth: CLOTH.dark, ground: "#fafafa", width: 3000, height: 2400, edge: 1900 }).jpeg().toBuffer(),
  "24 pixels": (label) =>
    draw({ label, cloth: CLOTH.dark, ground: "#ffffff", width: 24, height: 24, edge: 21 }).png().toBuffer(),
  "small in a wide picture": (label) =>
    draw({ label, cloth: CLOTH.dark, ground: "#eceae4", width: 900, height: 400, edge: 150 }).png().toBuffer(),
  "CMYK JPEG": (label) => draw({ label, cloth: CLOTH.red, ground: "#ffffff" }).toColourspace("cmyk").jpeg().toBuffer(),
  "16 bits": (label) => draw({ label, cloth: CLOTH.middle, ground: "#d8d8d8" }).toColourspace("rgb16").png().toBuffer(),
  "animated GIF": (label) => animated(label, "gif"),
  "animated WebP": (label) => animated(label, "webp"),
  "EXIF turned": async (label) =>
    sharp(await draw({ label, cloth: CLOTH.dark, ground: "#ffffff" }).rotate(90).png().toBuffer())
      .withMetadata({ orientation: 8 })
      .jpeg()
      .toBuffer(),
  "gray, on gray": (label) => draw({ label, cloth: CLOTH.dark, ground: "#9a9a9a" }).greyscale().png().toBuffer(),
  "touching the edges": (label) =>
    draw({ label, cloth: CLOTH.middle, ground: "#f0eee8", width: 400, height: 400, edge: 404 }).png().toBuffer(),
};

/** Ways in the order in which they are assigned to the classes; each class is also drawn on white. */
const DEALT = Object.keys(WAYS).filter((way) => way !== "on white");
const WAYS_A_CLASS = 4;

/** Every picture of the gallery: class, way, and the file's bytes. */
export function galleryPictures() {
  return GARMENTS.flatMap(({ label }, i) => {
    const dealt = Array.from(
      { length: WAYS_A_CLASS - 1 },
      (_, k) => DEALT[(i * (WAYS_A_CLASS - 1) + k) % DEALT.length],
    );
    return ["on white", ...dealt].map((way) => ({ label, way, encode: () => WAYS[way](label) }));
  });
}
