import { join } from "node:path";
import type { DataSource, LoadedData, RemoteSource } from "../../src/data/node/chain.ts";
import { loadFromChain } from "../../src/data/node/chain.ts";
import { tinyData, writeFiles } from "./fixtures.ts";

/** The tiny data set for testing sources. */
export const { data, contents } = tinyData();
export const PACKED_NAMES = [...contents.keys()].map((name) => `${name}.gz`).toSorted();

/** Loads the tiny data set through a chain that starts at the cache, and notes the lines that were reported. */
export async function load(
  cacheFolder: string,
  sources: readonly DataSource[],
): Promise<{ loaded: LoadedData; lines: string[] }> {
  const lines: string[] = [];
  const cache: DataSource = { kind: "cache", title: "the cache", folder: join(cacheFolder, "tiny") };
  const loaded = await loadFromChain(data, [cache, ...sources], { cacheFolder, report: (line) => lines.push(line) });
  return { loaded, lines };
}

/** A source that writes files and counts its calls. */
export function remote(files: ReadonlyMap<string, Uint8Array> = contents): RemoteSource & { fetches: () => number } {
  let fetches = 0;
  return {
    kind: "https",
    title: "the test's server",
    fetches: () => fetches,
    async fetch(into) {
      fetches++;
      await writeFiles(into, files);
    },
  };
}

/** A source that must not be reached. */
export const UNREACHED: RemoteSource = {
  kind: "https",
  title: "a source too far",
  fetch: () => Promise.reject(new Error("an earlier source should have been used")),
};

/** The files, with the last bit of one changed. */
export function changed(name: string): Map<string, Uint8Array> {
  const files = new Map(contents);
  const bytes = Uint8Array.from(files.get(name)!);
  bytes[bytes.length - 1]! ^= 1;
  return files.set(name, bytes);
}
