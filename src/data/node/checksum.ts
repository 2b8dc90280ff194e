import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { UserError } from "../../errors.ts";
import type { PublishedFile } from "../fashion-mnist.ts";

/**
 * Name, size and SHA-256 of a file, read in parts.
 *
 * @throws UserError when it cannot be read
 */
export async function checksumOf(path: string): Promise<PublishedFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    await pipeline(createReadStream(path), async (parts: AsyncIterable<Buffer>) => {
      for await (const part of parts) {
        bytes += part.length;
        hash.update(part);
      }
    });
  } catch (cause) {
    if (!(cause instanceof Error && "syscall" in cause)) throw cause;
    throw new UserError(`${path} cannot be read (${cause.message}): a readable file is needed there`, { cause });
  }
  return { name: basename(path), bytes, sha256: hash.digest("hex") };
}
