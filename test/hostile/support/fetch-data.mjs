/**
 * Loads a small published data set from its cache, else from a mirror: node fetch-data.mjs DATA.json MIRROR CACHE. As the commands that
 * need Fashion-MNIST do, whose own mirrors no test may load.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadFromChain } from "../../../build/data/node/chain.js";
import { httpsSource } from "../../../build/data/node/https.js";
import { UserError } from "../../../build/errors.js";

const [file, mirror, cacheFolder] = process.argv.slice(2);
const data = JSON.parse(readFileSync(file, "utf8"));
const cache = { kind: "cache", title: "the cache", folder: join(cacheFolder, data.folder) };
try {
  const { verified, files } = await loadFromChain(data, [cache, httpsSource(data, mirror)], {
    cacheFolder,
    report: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`${JSON.stringify({ verified, files })}\n`);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  // A line for each source that was tried, in one.
  process.stderr.write(`error: ${error.message.replaceAll("\n", " ")}\n`);
  process.exitCode = 1;
}
