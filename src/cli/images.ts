import { type Stats, statSync } from "node:fs";
import pc from "picocolors";
import { heicLines } from "../data/node/left-out.ts";
import { filesIn, IMAGE_EXTENSIONS } from "../data/node/picture-files.ts";
import { UserError } from "../errors.ts";
import type { ContactSheet } from "../plots/contact-sheet.ts";
import { type ExportTarget, writeExportedFile } from "../runs/node/export-files.ts";
import { explainFileError } from "../runs/node/file-errors.ts";
import type { Output } from "./output.ts";

/** Argument for standard input. */
export const STANDARD_INPUT = "-";

/**
 * The image files of a command line argument: a file, whatever its name, or all images in a folder and its subfolders,
 * sorted by path. Other files are ignored, as in a data folder (`filesIn`).
 *
 * @throws UserError when there is no such file or folder, it cannot be read, or the folder holds no images
 */
export function imageFilesOf(word: string): string[] {
  if (word === STANDARD_INPUT) return [word];
  const entry = entryAt(word);
  if (!entry) throw new UserError(`there is no file or folder ${word === "" ? '""' : word}`);
  if (!entry.isDirectory()) return [word];
  const { pictures, others } = filesIn(word);
  if (pictures.length > 0) return [...pictures];
  const extensions = [...IMAGE_EXTENSIONS].join(", ");
  const message = `the folder ${word} holds no images: no file in it ends in ${extensions}, and none without an ending is one`;
  throw new UserError([message, ...heicLines(others)].join("\n"));
}

/** Undefined if the path does not exist. @throws UserError on other errors, such as circular links */
function entryAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw explainFileError(error, "read", path);
  }
}

/** From dark to light. */
const SHADES = " .:-=+*#%@";
const ESCAPE = "\u001b[";

export interface DrawnImage {
  /** 0 to 255, [channels, height, width]. */
  readonly pixels: Uint8Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Whether standard output shows colours. */
export function showsColours(): boolean {
  return pc.isColorSupported && (process.stdout.isTTY || Boolean(process.env.FORCE_COLOR));
}

/**
 * An image as lines for the terminal: with colours two pixels per character (foreground and background of "▀", 24
 * bits), without them two equal characters per pixel, dark to light " .:-=+*#%@".
 */
export function drawImage(image: DrawnImage, { colours }: { colours: boolean }): string[] {
  return colours ? halfBlocks(image) : shades(image);
}

function halfBlocks({ pixels, channels, height, width }: DrawnImage): string[] {
  // Gray uses the same value for all three; below an odd last row is black.
  const colorAt = (row: number, column: number) =>
    [0, 1, 2].map((c) => (row < height ? pixels[((c % channels) * height + row) * width + column]! : 0)).join(";");
  return Array.from({ length: Math.ceil(height / 2) }, (_, line) => {
    const cells = Array.from(
      { length: width },
      (_, column) => `${ESCAPE}38;2;${colorAt(2 * line, column)};48;2;${colorAt(2 * line + 1, column)}m▀`,
    );
    return `${cells.join("")}${ESCAPE}0m`;
  });
}

function shades({ pixels, channels, height, width }: DrawnImage): string[] {
  const plane = height * width;
  const lightness = (i: number) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += pixels[c * plane + i]!;
    return sum / channels / 256;
  };
  return Array.from({ length: height }, (_, row) =>
    Array.from({ length: width }, (_, column) =>
      SHADES[Math.floor(lightness(row * width + column) * SHADES.length)]!.repeat(2),
    )
      .join("")
      .trimEnd(),
  );
}

/** Output file of a contact sheet. */
export type SheetTarget = Pick<ExportTarget, "path" | "force">;

/**
 * Writes a non-empty contact sheet as PNG, and prints its path.
 *
 * @returns its path; null where there is nothing to draw
 * @throws UserError when something is there already, or the system refuses
 */
export async function writeSheet(
  { path, force }: SheetTarget,
  sheet: ContactSheet,
  output: Output,
): Promise<string | null> {
  if (sheet.images.length === 0) {
    output.note("there is nothing to draw: no contact sheet was written");
    return null;
  }
  // Loaded on use, as the figures' libraries load slowly.
  const [{ contactSheet }, { drawSvg, pngBytes }] = await Promise.all([
    import("../plots/contact-sheet.ts"),
    import("../plots/node/render.ts"),
  ]);
  writeExportedFile({ path, force, isFolder: false }, pngBytes(drawSvg(contactSheet, sheet)));
  output.say(`contact sheet: ${path}`);
  return path;
}
