import { countPairs, duplicatePairs, type ImagePlace } from "../../data/duplicates.ts";
import type { LoadedData } from "../../data/node/chain.ts";
import { duplicatesSheet, imageName } from "../../report/node/sheets.ts";
import { count, table } from "../../text.ts";
import { type SheetTarget, writeSheet } from "../images.ts";
import type { Output } from "../output.ts";

/** Nearer images look the same at a glance, in Fashion-MNIST (docs/data.md). */
export const DEFAULT_DISTANCE = 0.05;

export interface DuplicatesOptions {
  readonly distance: number;
  /** Number of pairs to list and draw. */
  readonly list: number;
  readonly sheet: SheetTarget | undefined;
}

/** `data duplicates`: identical or nearly identical images, between training and test images and within each. */
export async function dataDuplicates(
  { train, test }: LoadedData,
  { distance, list, sheet }: DuplicatesOptions,
  output: Output,
): Promise<number> {
  output.note(
    `comparing ${count(train.count + test.count)} images; half a minute or more for 70,000 and a distance of 0.05`,
  );
  const pairs = duplicatePairs(train, test, { distance });
  const counts = countPairs(pairs);
  const rows = counts.map(({ pairing, exact, near, otherLabel }) => [
    pairing,
    ...[exact, near, otherLabel].map((number) => count(number)),
  ]);
  for (const line of table([["pairs", "the same", "near", "with two labels"], ...rows])) output.say(line);
  if (train.validation) output.say(`train: ${count(train.validation.length)} images that validate among them`);
  const listed = pairs.slice(0, list);
  if (listed.length > 0) {
    output.say("");
    const cells = listed.map(({ a, b, labels, distance: apart }) => [
      imageName(a, { train, test }),
      imageName(b, { train, test }),
      apart.toFixed(4),
      ...labels.map((label) => train.classNames[label]!),
    ]);
    for (const line of table([["image", "image", "distance", "label", "label"], ...cells], [0, 1, 3, 4])) {
      output.say(line);
    }
    if (listed.length < pairs.length) output.say(`... and ${count(pairs.length - listed.length)} more (--list)`);
  }
  const written = sheet
    ? await writeSheet(sheet, duplicatesSheet(listed, { total: pairs.length, distance }, { train, test }), output)
    : null;
  output.result({
    distance,
    images: { train: train.count, test: test.count },
    counts,
    pairs: pairs.map(({ a, b, labels, ...pair }) => ({
      a: withFile(a, { train, test }),
      b: withFile(b, { train, test }),
      ...pair,
      labels: labels.map((label) => train.classNames[label]),
    })),
    sheet: written,
  });
  return 0;
}

/** With the file that it is from, where images are of files. */
function withFile(place: ImagePlace, sets: Pick<LoadedData, "train" | "test">) {
  const file = sets[place.set].files?.[place.index];
  return file === undefined ? place : { ...place, file };
}
