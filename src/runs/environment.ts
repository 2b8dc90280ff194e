/** The part of a run's record that the machine gives: what ran it, and where. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { UserError } from "../errors.ts";
import { checkedOutCommit } from "./git-commit.ts";
import type { RunRecord } from "./run-record.ts";

export type Environment = Pick<RunRecord, "versions" | "commit" | "cpu" | "platform">;

/** The package's folder: two levels up from `src/runs` and from `dist/runs` alike. */
const PACKAGE_ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * What is known about this process and machine. ONNX Runtime's version comes from its package; its native library is not
 * loaded.
 *
 * @throws UserError when onnxruntime-node is not installed
 */
export function collectEnvironment(): Environment {
  return {
    versions: {
      tailor: packageVersion(`${PACKAGE_ROOT}package.json`),
      node: process.versions.node,
      onnxruntime: packageVersion(onnxRuntimePackage()),
    },
    commit: checkedOutCommit(PACKAGE_ROOT),
    cpu: { model: cpus()[0]?.model.trim() || "unknown", cores: availableParallelism() },
    platform: `${process.platform}-${process.arch}`,
  };
}

/** Largest resident memory of this process so far. */
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
