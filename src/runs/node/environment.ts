import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus } from "node:os";
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { packageFile } from "../../package-files.ts";
import type { RunRecord } from "../run-record.ts";

/** The environment in a run's record: versions and machine. */

/** The commit of a checkout, read from its files: no git needed, no process started. */

export type Environment = Pick<RunRecord, "versions" | "commit" | "cpu" | "platform">;

/**
 * What is known about this process and machine. ONNX Runtime's version comes from its package; its native library is
 * not loaded.
 *
 * @throws UserError when onnxruntime-node is not installed
 */
export function collectEnvironment(): Environment {
  return {
    versions: {
      tailor: packageVersion(packageFile("package.json")),
      node: process.versions.node,
      onnxruntime: packageVersion(onnxRuntimePackage()),
    },
    commit: checkedOutCommit(packageFile("")),
    cpu: { model: cpus()[0]?.model.trim() || "unknown", cores: availableParallelism() },
    platform: `${process.platform}-${process.arch}`,
  };
}

/** Peak resident memory of this process so far. */
export function peakMemoryBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

function packageVersion(path: string): string {
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(path, "utf8"))).version;
}

function onnxRuntimePackage(): string {
  try {
    return createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  } catch (cause) {
    throw new UserError("onnxruntime-node is not installed; run `npm ci` in tailor's folder", { cause });
  }
}

const OBJECT_ID = /^([0-9a-f]{40}|[0-9a-f]{64})$/;
/** Limit on symbolic references: HEAD names a branch, the branch a commit; longer chains are unusual. */
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
    // Not a checkout, or not readable: the commit is unknown.
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
