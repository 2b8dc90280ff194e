import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";

/** A picture as a function of its place; red, green and blue, or one value for gray. */
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

/** Writes files, folders made. */
export function put(folder: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** What sets classes of test pictures apart: each has a colour and a direction of its stripes. */
const CLASS_LOOKS: readonly Draw[] = [
  (x) => (x % 4 < 2 ? [220, 40, 30] : [20, 20, 20]),
  (_, y) => (y % 4 < 2 ? [30, 60, 230] : [20, 20, 20]),
  (x, y) => ((x + y) % 6 < 3 ? [40, 200, 60] : [20, 20, 20]),
];

/**
 * Writes pictures of classes that are easily told apart, each picture a little different.
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
