import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { formatOf } from "../formats/image-format.ts";
import { explainFileError } from "../runs/node/file-errors.ts";
import { defaultRunPath } from "../runs/node/run-status.ts";
import { HttpError } from "./errors.ts";

/** Folder of sets, among the runs. */
const FOLDER = "pictures";
/** Of sets that were not trained; with one more the oldest is deleted. */
const MAX_OPEN = 4;

/** Limits of a set. */
export interface PictureSetLimits {
  readonly pictures: number;
  readonly bytes: number;
}

export const PICTURE_SET_LIMITS: PictureSetLimits = { pictures: 10_000, bytes: 512 * 2 ** 20 };

/**
 * Pictures that clients send to be trained on. They are kept in a folder with a table of labels, as names of classes are no
 * names of folders; what clients send is never part of a path.
 */
export interface PictureSets {
  /** Begins a set. @returns its ID */
  create(): string;
  /**
   * Adds a picture that was found to be one.
   *
   * @returns the number of pictures in the set
   * @throws HttpError 404 when there is no such set, 413 when it is full
   */
  add(id: string, picture: { readonly className: string; readonly bytes: Uint8Array }): number;
  /**
   * Takes a set for a training, whose run then has its pictures: it is not deleted any more.
   *
   * @returns its folder, and a function that takes back this call, for a training that does not begin
   * @throws HttpError 404
   */
  take(id: string): { readonly folder: string; readonly giveBack: () => void };
  /** @throws HttpError 404 */
  remove(id: string): void;
  /** Deletes the sets that were not trained. */
  close(): void;
}

interface PictureSet {
  readonly folder: string;
  readonly labels: string[];
  bytes: number;
}

/** @param runs the folder of all runs */
export function createPictureSets(runs: string, limits: PictureSetLimits = PICTURE_SET_LIMITS): PictureSets {
  /** By ID, oldest first. */
  const open = new Map<string, PictureSet>();
  const find = (id: string): PictureSet => {
    const set = open.get(id);
    if (set) return set;
    throw new HttpError(404, "no_such_pictures", "There are no such pictures; send them again.");
  };
  const remove = (id: string) => {
    rmSync(find(id).folder, { recursive: true, force: true });
    open.delete(id);
  };
  return {
    create() {
      const folder = defaultRunPath("page", new Date(), join(runs, FOLDER));
      try {
        mkdirSync(folder, { recursive: true });
      } catch (error) {
        throw explainFileError(error, "create", folder);
      }
      const id = basename(folder);
      open.set(id, { folder, labels: [], bytes: 0 });
      for (const oldest of [...open.keys()].slice(0, -MAX_OPEN)) remove(oldest);
      return id;
    },
    add(id, { className, bytes }) {
      const set = find(id);
      if (set.labels.length >= limits.pictures || set.bytes + bytes.length > limits.bytes) {
        const most = `${limits.pictures} pictures of together ${limits.bytes / 2 ** 20} MB`;
        throw new HttpError(413, "too_many_pictures", `At most ${most} are taken; send fewer or smaller ones.`);
      }
      const name = `${String(set.labels.length + 1).padStart(5, "0")}.${formatOf(bytes, "the picture")}`;
      write(join(set.folder, name), bytes);
      set.labels.push(`${name},"${className.replaceAll('"', '""')}"`);
      set.bytes += bytes.length;
      return set.labels.length;
    },
    take(id) {
      const set = find(id);
      write(join(set.folder, "labels.csv"), `${["file,label", ...set.labels].join("\n")}\n`);
      open.delete(id);
      return { folder: set.folder, giveBack: () => open.set(id, set) };
    },
    remove,
    close() {
      for (const id of [...open.keys()]) remove(id);
    },
  };
}

function write(path: string, content: Uint8Array | string): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw explainFileError(error, "write", path);
  }
}
