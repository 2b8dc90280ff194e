import { useSyncExternalStore } from "react";
import type { PictureClass } from "./own-data.ts";
import { setUnsaved } from "./unsaved.ts";

/** A picture of a class. */
export interface OwnPicture {
  readonly id: number;
  readonly name: string;
  readonly file: Blob;
  readonly width: number;
  readonly height: number;
  readonly thumbnail: ImageBitmap;
}

/** A class that the user collects pictures of. */
export interface OwnClass {
  readonly id: number;
  readonly name: string;
  readonly pictures: readonly OwnPicture[];
}

/** The user's classes. They are global to the page, so that they stay when the route changes. */
export interface OwnClasses {
  readonly classes: readonly OwnClass[];
  /** Number of files that are still to be read. */
  readonly pending: number;
  /** Names of files that are no pictures, or are in no class. */
  readonly refused: readonly string[];
  /** Number of files that were added, with those refused. */
  readonly offered: number;
}

/** A file, with its path where it comes from a folder. */
export interface OfferedFile {
  /** `photos/cats/1.jpg`; a name for a single file. */
  readonly path: string;
  readonly file: Blob;
}

/** Longer edge of thumbnails, in pixels: twice what is shown, for fine screens. */
const THUMBNAIL_EDGE = 128;
/** Labels are bytes. */
const MAX_CLASSES = 256;
/** With one there would be none to train and one to validate. */
const MIN_PICTURES = 2;
/** Folders of a divided data set, which hold the class folders. */
const PART_NAMES = ["train", "training", "val", "valid", "validation", "test", "testing"];

let lastId = 0;
const newClass = (name: string): OwnClass => ({ id: ++lastId, name, pictures: [] });
let current: OwnClasses = { classes: [newClass("Class 1"), newClass("Class 2")], pending: 0, refused: [], offered: 0 };
const listeners = new Set<() => void>();

export function useOwnClasses(): OwnClasses {
  return useSyncExternalStore(subscribe, () => current);
}

/** @returns the new class's id */
export function addClass(): number {
  const taken = new Set(current.classes.map(({ name }) => name));
  let number = current.classes.length + 1;
  while (taken.has(`Class ${number}`)) number++;
  const added = newClass(`Class ${number}`);
  set({ classes: [...current.classes, added] });
  return added.id;
}

export function renameClass(id: number, name: string): void {
  change(id, (one) => ({ ...one, name }));
}

export function removeClass(id: number): void {
  for (const { thumbnail } of current.classes.find((one) => one.id === id)?.pictures ?? []) thumbnail.close();
  set({ classes: current.classes.filter((one) => one.id !== id) });
}

export function removePicture(id: number, picture: number): void {
  change(id, (one) => ({ ...one, pictures: one.pictures.filter((other) => other.id !== picture) }));
}

export function forgetRefused(): void {
  set({ refused: [], offered: 0 });
}

/** Reads files into a class, one after the other; those that are no pictures are refused. */
export async function addPictures(id: number, files: readonly OfferedFile[]): Promise<void> {
  set({ pending: current.pending + files.length, offered: current.offered + files.length });
  for (const { path, file } of files) {
    const picture = await readPicture(path, file);
    if (picture) change(id, (one) => ({ ...one, pictures: [...one.pictures, picture] }));
    set({ pending: current.pending - 1, refused: picture ? current.refused : [...current.refused, path] });
  }
}

/** Reads files of class folders, each into the class of its folder's name; classes without pictures make room. */
export async function addFolders(files: readonly OfferedFile[]): Promise<void> {
  const { byClass, loose } = classesOf(files);
  if (byClass.size > 0) set({ classes: current.classes.filter(({ pictures }) => pictures.length > 0) });
  set({ refused: [...current.refused, ...loose], offered: current.offered + loose.length });
  for (const [name, own] of byClass) {
    let known = current.classes.find((one) => one.name === name);
    if (!known) {
      known = newClass(name);
      set({ classes: [...current.classes, known] });
    }
    await addPictures(known.id, own);
  }
}

/**
 * The class of each file of chosen folders: the first folder below the chosen one, or that one where its files are not
 * in folders. Several folders at once are classes, whatever is in them. Parts of a divided data set (train, val, test) are
 * put together.
 */
function classesOf(files: readonly OfferedFile[]): {
  byClass: Map<string, OfferedFile[]>;
  loose: string[];
} {
  const byClass = new Map<string, OfferedFile[]>();
  const loose: string[] = [];
  const visible = files.map((one) => ({ ...one, names: one.path.normalize("NFC").split("/") }));
  const chosen = new Set(visible.flatMap(({ names }) => (names.length > 1 ? [names[0]!] : [])));
  const areClasses = chosen.size > 1 && ![...chosen].some(isPart);
  const parents = new Set(visible.flatMap(({ names }) => (names.length > 2 && !areClasses ? [names[0]] : [])));
  for (const { names, path, file } of visible) {
    // Files of systems and programs.
    if (names.some((name) => name.startsWith("."))) continue;
    const isInPart = names.length > 3 && isPart(names[1]!);
    const name = parents.has(names[0]) ? (isInPart ? names[2] : names.length > 2 ? names[1] : undefined) : names[0];
    if (name === undefined || names.length === 1) loose.push(path);
    else byClass.set(name, [...(byClass.get(name) ?? []), { path, file }]);
  }
  return { byClass: new Map([...byClass].sort(([a], [b]) => (a < b ? -1 : 1))), loose };
}

const isPart = (folder: string) => PART_NAMES.includes(folder.toLowerCase());

/** What keeps the classes from being trained; undefined if nothing does. */
export function problemOf({ classes, pending }: OwnClasses): string | undefined {
  if (pending > 0) return `${pending} files are still being read.`;
  if (classes.length < 2) return "There must be at least two classes to tell apart: add a class.";
  if (classes.length > MAX_CLASSES) return `There are ${classes.length} classes; at most ${MAX_CLASSES} are possible.`;
  if (classes.some(({ name }) => name.trim() === "")) return "Each class needs a name; one has none.";
  const names = classes.map(({ name }) => name.trim().toLowerCase());
  const second = names.findIndex((name, i) => names.indexOf(name) < i);
  if (second >= 0) return `Two classes are called ${classes[second]!.name}: rename one.`;
  const few = classes.filter(({ pictures }) => pictures.length < MIN_PICTURES);
  if (few.length === 0) return undefined;
  const listed = few.map(({ name, pictures }) => `${name} (${pictures.length})`).join(", ");
  return `Each class needs at least ${MIN_PICTURES} pictures; too few: ${listed}.`;
}

/** The classes as they are trained. @param featuresOf a picture, where the training starts from a pretrained network */
export function pictureClasses(
  { classes }: OwnClasses,
  featuresOf?: (picture: OwnPicture) => Float32Array | undefined,
): PictureClass[] {
  return classes.map(({ name, pictures }) => ({
    name: name.trim(),
    pictures: pictures.map((picture) => {
      const { name, file, width, height } = picture;
      const features = featuresOf?.(picture);
      return { name, file, width, height, ...(features && { features }) };
    }),
  }));
}

/** @returns undefined for a file that this browser cannot decode */
async function readPicture(path: string, file: Blob): Promise<OwnPicture | undefined> {
  try {
    const whole = await createImageBitmap(file);
    const { width, height } = whole;
    const scale = Math.min(1, THUMBNAIL_EDGE / Math.max(width, height));
    const [resizeWidth, resizeHeight] = [width, height].map((edge) => Math.max(1, Math.round(edge * scale)));
    const thumbnail = await createImageBitmap(whole, { resizeWidth: resizeWidth!, resizeHeight: resizeHeight! });
    whole.close();
    return { id: ++lastId, name: path, file, width, height, thumbnail };
  } catch {
    return undefined;
  }
}

function change(id: number, changed: (one: OwnClass) => OwnClass): void {
  set({ classes: current.classes.map((one) => (one.id === id ? changed(one) : one)) });
}

function set(changed: Partial<OwnClasses>): void {
  current = { ...current, ...changed };
  setUnsaved(
    "pictures",
    current.classes.some(({ pictures }) => pictures.length > 0),
  );
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
