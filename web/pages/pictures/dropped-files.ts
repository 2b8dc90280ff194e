import type { OfferedFile } from "../../engine/own-classes.ts";

/** The files of a folder field or a file field, with their paths. */
export function chosenFiles(files: FileList | null): OfferedFile[] {
  return [...(files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** Dropped files and all files of dropped folders, with their paths. */
export async function droppedFiles({ items }: DataTransfer): Promise<OfferedFile[]> {
  // All at once: the list is empty once the event is over.
  const dropped = [...items].map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found = await Promise.all(
    dropped.map((one) => {
      if (one === null) return [];
      return one instanceof File ? [{ path: one.name, file: one }] : filesOf(one);
    }),
  );
  return found.flat();
}

async function filesOf(entry: FileSystemEntry): Promise<OfferedFile[]> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    return [{ path: entry.fullPath.replace(/^\//, ""), file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const entries: FileSystemEntry[] = [];
  // A reader returns some entries at a time, and none at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    entries.push(...some);
  }
  return (await Promise.all(entries.map(filesOf))).flat();
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}
