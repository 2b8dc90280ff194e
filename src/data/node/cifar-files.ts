import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { count, counted } from "../../text.ts";
import { checksumOf } from "./checksum.ts";
import { readClassNames } from "./class-names.ts";
import type { DataPlace } from "./data-place.ts";
import type { StoredImages, StoredPart } from "./stored-images.ts";

const EDGE = 32;
const IMAGE_BYTES = 3 * EDGE * EDGE;
/** CIFAR-10 has five files to train with, each of 10,000 images; 60,000 images are all that there are. */
const MAX_IMAGES = 60_000;

/** A form of the binary version: a record is the labels, then red, green and blue planes of 32x32. */
interface Form {
  readonly title: string;
  readonly train: RegExp;
  readonly test: string;
  readonly names: string;
  /** Bytes of labels before an image; the last of them is the class. */
  readonly labelBytes: number;
}

const FORMS: readonly Form[] = [
  {
    title: "CIFAR-10 binary files",
    train: /^data_batch_(\d+)\.bin$/,
    test: "test_batch.bin",
    names: "batches.meta.txt",
    labelBytes: 1,
  },
  // A coarse label and a fine one.
  {
    title: "CIFAR-100 binary files",
    train: /^train\.bin$/,
    test: "test.bin",
    names: "fine_label_names.txt",
    labelBytes: 2,
  },
];

/** Whether a folder has files of CIFAR's binary version. */
export function hasCifarFiles(place: DataPlace): boolean {
  return formOf(place) !== undefined;
}

function formOf({ files, file }: DataPlace): Form | undefined {
  if (file) return undefined;
  return FORMS.find(({ train, test }) => files.some(({ name }) => train.test(name) || name === test));
}

/**
 * Reads CIFAR-10's or CIFAR-100's binary version, of CIFAR-100 the fine labels. Classes are named by the file that
 * comes with it.
 *
 * @throws UserError naming the file that is missing, cut short, or has a label without a name, and the record
 */
export async function readCifar(place: DataPlace): Promise<StoredImages> {
  const form = formOf(place)!;
  const { folder, files } = place;
  const present = (name: string) => files.some((file) => file.name === name);
  const number = (name: string) => Number(form.train.exec(name)![1] ?? 1);
  const names = files.map(({ name }) => name).filter((name) => form.train.test(name));
  const trained = names.sort((a, b) => number(a) - number(b));
  if (trained.length === 0) {
    throw new UserError(`${folder} has ${form.test} but no files to train with (data_batch_1.bin, or train.bin)`);
  }
  const gap = trained.findIndex((name, i) => number(name) !== i + 1);
  if (gap >= 0) throw new UserError(`${folder} has ${trained[gap]} but no data_batch_${gap + 1}.bin; put it there`);
  if (!present(form.names))
    throw new UserError(`${folder} has no ${form.names}, which names the classes; put it there`);
  const tested = present(form.test) ? [form.test] : [];
  const known = readClassNames(join(folder, form.names));
  const read = (part: readonly string[]) =>
    readPart(
      part.map((name) => join(folder, name)),
      form,
      known.length,
    );
  return {
    title: form.title,
    train: await read(trained),
    test: tested.length > 0 ? await read(tested) : undefined,
    files: await Promise.all([...trained, ...tested].map((name) => checksumOf(join(folder, name)))),
    names: { names: known, file: join(folder, form.names) },
  };
}

async function readPart(paths: readonly string[], { labelBytes }: Form, classes: number): Promise<StoredPart> {
  const recordBytes = labelBytes + IMAGE_BYTES;
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  for (const [i, size] of sizes.entries()) {
    if (size > 0 && size % recordBytes === 0 && size <= MAX_IMAGES * recordBytes) continue;
    throw new UserError(
      `${paths[i]} has ${count(size)} bytes; needed is a multiple of ${count(recordBytes)} (${counted(labelBytes, "label")} and 32x32 pixels in three colours), for at most ${count(MAX_IMAGES)} images (cut short?)`,
    );
  }
  const total = sizes.reduce((sum, size) => sum + size / recordBytes, 0);
  const images = new Uint8Array(total * IMAGE_BYTES);
  const labels = new Uint8Array(total);
  let index = 0;
  for (const path of paths) {
    const bytes = await readFile(path);
    for (let at = 0; at < bytes.length; at += recordBytes, index++) {
      const label = bytes[at + labelBytes - 1]!;
      if (label >= classes) {
        throw new UserError(
          `${path}: the label of image ${at / recordBytes} is ${label}, but the ${classes} classes are 0 to ${classes - 1}`,
        );
      }
      labels[index] = label;
      images.set(bytes.subarray(at + labelBytes, at + recordBytes), index * IMAGE_BYTES);
    }
  }
  const path = paths.length === 1 ? paths[0]! : `${paths[0]} and ${counted(paths.length - 1, "other file")}`;
  return { images, channels: 3, height: EDGE, width: EDGE, labels, imagesPath: path, labelsPath: path };
}
