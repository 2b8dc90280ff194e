import { hasCifarFiles, readCifar } from "./cifar-files.ts";
import { type ListedPictures, listClassFolders } from "./class-folders.ts";
import type { CustomDataOptions } from "./custom-data-options.ts";
import type { DataPlace } from "./data-place.ts";
import { hasIdxFiles, readIdxFolder } from "./idx-folder.ts";
import { listByName } from "./label-from.ts";
import { hasLabelTable, listLabelled } from "./labels-csv.ts";
import { unknownFile } from "./no-data.ts";
import { hasNpzFile, readNpz } from "./npz-file.ts";
import { hasParquetFiles, readParquet } from "./parquet-files.ts";
import { hasPixelTable, readPixelCsv } from "./pixel-csv.ts";
import type { StoredImages } from "./stored-images.ts";

/**
 * A layout of data. Pictures are listed with their classes and decoded by tailor; a run records each of them. Other
 * files hold images themselves; a run records the files' checksums.
 */
export type DataReader = {
  /** Whether a place has this layout, from names and the first bytes of files. */
  readonly recognizes: (place: DataPlace, options: CustomDataOptions) => boolean | Promise<boolean>;
} & (
  | {
      readonly kind: "pictures";
      readonly list: (place: DataPlace, options: CustomDataOptions) => ListedPictures | Promise<ListedPictures>;
    }
  | {
      readonly kind: StoredKind;
      readonly read: (place: DataPlace, options: CustomDataOptions) => Promise<StoredImages>;
    }
);

/** Kinds of files that hold images. */
export type StoredKind = "idx" | "npz" | "cifar" | "pixels" | "parquet";

/** All layouts; the first one that recognizes a place reads it. */
const READERS: readonly DataReader[] = [
  { kind: "pictures", recognizes: (_, { labelFrom }) => labelFrom !== undefined, list: listByName },
  { kind: "idx", recognizes: ({ folder, file }) => !file && hasIdxFiles(folder), read: readIdxFolder },
  { kind: "npz", recognizes: hasNpzFile, read: readNpz },
  { kind: "cifar", recognizes: hasCifarFiles, read: readCifar },
  { kind: "parquet", recognizes: hasParquetFiles, read: readParquet },
  { kind: "pixels", recognizes: hasPixelTable, read: readPixelCsv },
  { kind: "pictures", recognizes: hasLabelTable, list: listLabelled },
  { kind: "pictures", recognizes: ({ file }) => !file, list: ({ folder }) => listClassFolders(folder) },
];

/** @throws UserError when no reader recognizes a file; of folders, class folders are the last guess */
export async function findReader(place: DataPlace, options: CustomDataOptions): Promise<DataReader> {
  for (const reader of READERS) {
    if (await reader.recognizes(place, options)) return reader;
  }
  throw unknownFile(place);
}
