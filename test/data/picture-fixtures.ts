import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { randomStream } from "../../src/random.ts";

/** A picture as a function of the position; red, green and blue, or one value for gray. */
export type Draw = (x: number, y: number) => readonly number[];

export type Format = "png" | "jpeg" | "webp";

/** The bytes of an image file. */
export function drawn(
  draw: Draw,
  { width = 12, height = 12, format = "png" }: { width?: number; height?: number; format?: Format } = {},
): Promise<Buffer> {
  const values = Array.from({ length: width * height }, (_, i) => draw(i % width, Math.floor(i / width)));
  const channels = values[0]!.length as 1 | 2 | 3 | 4;
  return sharp(Uint8Array.from(values.flat()), { raw: { width, height, channels } }).toFormat(format).toBuffer();
}

/** Writes files and creates their folders. */
export function put(folder: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** Each class of test pictures has a colour and a direction of its stripes. */
const CLASS_LOOKS: readonly Draw[] = [
  (x) => (x % 4 < 2 ? [220, 40, 30] : [20, 20, 20]),
  (_, y) => (y % 4 < 2 ? [30, 60, 230] : [20, 20, 20]),
  (x, y) => ((x + y) % 6 < 3 ? [40, 200, 60] : [20, 20, 20]),
];

/**
 * Writes pictures of easily distinguished classes, each picture slightly different.
 *
 * @param counts pictures of each class, by its folder
 */
export async function putClasses(
  folder: string,
  counts: Readonly<Record<string, number>>,
  options: { width?: number; height?: number; isGray?: boolean } = {},
): Promise<void> {
  for (const [index, [name, count]] of Object.entries(counts).entries()) {
    const look = CLASS_LOOKS[index % CLASS_LOOKS.length]!;
    for (let i = 0; i < count; i++) {
      const draw: Draw = (x, y) => {
        const color = look(x + i, y + i).map((value) => Math.max(0, value - (i % 20)));
        return options.isGray ? [color[0]!, color[0]!, color[0]!] : color;
      };
      const format = (["png", "jpeg", "webp"] as const)[i % 3]!;
      put(folder, { [`${name}/${i}.${format}`]: await drawn(draw, { ...options, format }) });
    }
  }
}

/** Shapes of radius 1 around the origin, as SVG. */
const SHAPES: readonly string[] = [
  '<circle r="1"/>',
  '<rect x="-1" y="-1" width="2" height="2"/>',
  '<polygon points="0,-1 1,1 -1,1"/>',
  '<path d="M-.3,-1h.6v.7h.7v.6h-.7v.7h-.6v-.7h-.7v-.6h.7z"/>',
  '<path fill-rule="evenodd" d="M-1,0a1,1 0 0 1 2,0a1,1 0 0 1 -2,0zM-.5,0a.5,.5 0 0 0 1,0a.5,.5 0 0 0 -1,0z"/>',
  '<rect x="-1" y="-.25" width="2" height=".5"/>',
  '<rect x="-.25" y="-1" width=".5" height="2"/>',
  '<polygon points="0,-1 .7,0 0,1 -.7,0"/>',
  '<path d="M-1,-1h.6v1.4h1.4v.6h-2z"/>',
  '<path d="M-.9,-.9h.7v.7h-.7zM.2,-.9h.7v.7h-.7zM-.9,.2h.7v.7h-.7zM.2,.2h.7v.7h-.7z"/>',
];

/**
 * Writes photos of coloured shapes on gray, 96 pixels wide: each class has a shape and a hue, each picture a place, a
 * size, an angle and shades of its own.
 */
export async function putShapes(
  folder: string,
  { classes, images }: { classes: number; images: number },
): Promise<void> {
  const stream = randomStream(classes, "augment", images);
  const between = (low: number, high: number) => low + (high - low) * (stream.uint32() / 2 ** 32);
  for (let label = 0; label < classes; label++) {
    for (let i = 0; i < images; i++) {
      const gray = Math.round(between(90, 150));
      const color = `hsl(${(label * 360) / classes + between(-10, 10)},${between(60, 90)}%,${between(40, 60)}%)`;
      const place = `translate(${between(36, 60)},${between(36, 60)}) rotate(${between(-10, 10)}) scale(${between(19, 31)})`;
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96"><rect width="96" height="96" fill="rgb(${gray},${gray},${gray})"/><g fill="${color}" transform="${place}">${SHAPES[label]}</g></svg>`;
      put(folder, { [`shape ${label}/${i}.jpg`]: await sharp(Buffer.from(svg)).jpeg({ quality: 90 }).toBuffer() });
    }
  }
}

/** Writes gray noise: classes that no network can distinguish. */
export async function putNoise(
  folder: string,
  { classes, images }: { classes: number; images: number },
): Promise<void> {
  const stream = randomStream(classes, "augment", images);
  for (let label = 0; label < classes; label++) {
    for (let i = 0; i < images; i++) {
      put(folder, {
        [`noise ${label}/${i}.png`]: await drawn(() => [stream.uint32() >>> 24], { width: 16, height: 16 }),
      });
    }
  }
}
