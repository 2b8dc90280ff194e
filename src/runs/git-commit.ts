/** The commit of a checkout, read from its files: no git needed, no process started. */
import { readFileSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";

const OBJECT_ID = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
/** HEAD names a branch, the branch a commit; a longer chain of symbolic references is nobody's. */
const MAX_REFERENCES = 5;

/**
 * The id of the commit that is checked out in `root`: 40 hexadecimal digits (64 where the repository uses SHA-256).
 * Null when `root` is not the top of a checkout, has no commit yet, or keeps its references in a form unknown here.
 */
export function checkedOutCommit(root: string): string | null {
  try {
    const gitFolder = findGitFolder(root);
    let content = read(gitFolder, "HEAD");
    for (let i = 0; content !== null && i < MAX_REFERENCES; i++) {
      if (OBJECT_ID.test(content)) return content;
      const reference = /^ref: (refs\/.+)$/.exec(content)?.[1];
      if (reference === undefined) return null;
      content = readReference(gitFolder, reference);
    }
  } catch {
    // Not a checkout, or not readable: either way there is no commit to tell.
  }
  return null;
}

/** `.git` is a folder, or, in a linked work tree or a submodule, a file that says where the folder is. */
function findGitFolder(root: string): string {
  const path = join(root, ".git");
  if (statSync(path).isDirectory()) return path;
  const target = /^gitdir: (.+)$/m.exec(readFileSync(path, "utf8"))?.[1] ?? "";
  return isAbsolute(target) ? target : join(root, target);
}

/** A branch has a file of its own, or else a line in `packed-refs`; linked work trees share those of the main one. */
function readReference(gitFolder: string, reference: string): string | null {
  const common = read(gitFolder, "commondir") ?? ".";
  const commonFolder = isAbsolute(common) ? common : join(gitFolder, common);
  return (
    read(commonFolder, reference) ??
    read(commonFolder, "packed-refs")
      ?.split("\n")
      .map((line) => line.trim().split(" "))
      .find(([, name]) => name === reference)?.[0] ??
    null
  );
}

function read(folder: string, name: string): string | null {
  try {
    return readFileSync(join(folder, name), "utf8").trim();
  } catch {
    return null;
  }
}
