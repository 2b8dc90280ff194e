import { z } from "zod";
import { UserError } from "../errors.ts";
import { FITS } from "../imaging/fit-picture.ts";
import type { Preparation } from "../imaging/preparation.ts";
import { drawPart } from "./split.ts";

/** Share of a class's pictures drawn for a part that the folder does not have. */
const DRAWN_SHARE = 0.1;

export const PARTS = ["train", "validation", "test"] as const;
export type Part = (typeof PARTS)[number];

/**
 * The division of a folder's pictures into parts, and how pictures are converted to images. It is saved with a run, so
 * that later commands on the run use the same images.
 */
export const pictureSplitSchema = z.strictObject({
  format: z.literal(1),
  classNames: z.array(z.string()).min(2),
  image: z.strictObject({
    channels: z.union([z.literal(1), z.literal(3)]),
    height: z.int().min(1),
    width: z.int().min(1),
  }),
  fit: z.enum(FITS),
  /** Parts that were drawn, as the folder does not have them. */
  drawn: z.array(z.enum(PARTS)),
  pictures: z.array(
    z.strictObject({
      /** Path within the folder, with / between its parts. */
      file: z.string().min(1),
      /** An index of `classNames`. */
      label: z.int().min(0).max(255),
      part: z.enum(PARTS),
      bytes: z.int().min(0),
      sha256: z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits"),
    }),
  ),
  /** Unreadable pictures and the reasons; they are in no part. */
  skipped: z.array(z.strictObject({ file: z.string(), message: z.string() })),
});
export type PictureSplit = Readonly<z.infer<typeof pictureSplitSchema>>;
export type SplitPicture = PictureSplit["pictures"][number];

export function preparationOf({ fit }: Pick<PictureSplit, "fit">): Preparation {
  return { kind: "fit", fit };
}

/** A split as text: JSON with one picture per line, so that two splits can be compared with diff. */
export function splitToText({ pictures, ...rest }: PictureSplit): string {
  const head = JSON.stringify(rest, null, 2).slice(0, -"\n}".length);
  const lines = pictures.map((picture) => `    ${JSON.stringify(picture)}`);
  return `${head},\n  "pictures": [\n${lines.join(",\n")}\n  ]\n}\n`;
}

/**
 * Assigns a part to every picture: missing test images are drawn first, from all others, then missing validation
 * images. The same pictures always result in the same parts.
 *
 * @param pictures with their parts; those from which parts are drawn are in "train"
 * @param drawn the parts to draw
 * @throws UserError that names the classes with too few pictures to have some in every part
 */
export function drawParts<Picture extends { readonly label: number; readonly part: Part }>(
  pictures: readonly Picture[],
  { classNames, drawn }: { classNames: readonly string[]; drawn: readonly Part[] },
): Picture[] {
  const classes = classNames.length;
  checkEnough(pictures, classNames, drawn);
  const parts = pictures.map(({ part }) => part);
  for (const part of ["test", "validation"] as const) {
    if (!drawn.includes(part)) continue;
    const open = parts.flatMap((found, i) => (found === "train" ? [i] : []));
    const labels = Uint8Array.from(open, (i) => pictures[i]!.label);
    for (const index of drawPart(labels, { classes, share: DRAWN_SHARE, part })) parts[open[index]!] = part;
  }
  return pictures.map((picture, i) => ({ ...picture, part: parts[i]! }));
}

function checkEnough(
  pictures: readonly { readonly label: number; readonly part: Part }[],
  classNames: readonly string[],
  drawn: readonly Part[],
): void {
  const needed = drawn.length + 1;
  const counts = classNames.map((_, label) => pictures.filter((p) => p.part === "train" && p.label === label).length);
  const few = classNames.flatMap((name, label) => (counts[label]! < needed ? [`${name} (${counts[label]})`] : []));
  if (few.length === 0) return;
  throw new UserError(
    `each class needs at least ${needed} pictures to train${drawn.map((part) => (part === "test" ? ", one to test" : ", one to validate")).join("")}; too few: ${few.join(", ")}`,
  );
}
