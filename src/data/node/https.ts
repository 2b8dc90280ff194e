import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { count } from "../../text.ts";
import type { PublishedData } from "../fashion-mnist.ts";
import { DATA_PARTS } from "../fashion-mnist.ts";
import type { RemoteSource, Report } from "./chain.ts";

export interface DownloadLimits {
  /** Timeout for the response headers, in seconds. */
  readonly connectSeconds: number;
  /** Timeout without any received byte after that, in seconds. */
  readonly stallSeconds: number;
}

const LIMITS: DownloadLimits = { connectSeconds: 5, stallSeconds: 30 };

/**
 * Source that downloads the four compressed files from a web server.
 *
 * @param mirror address of the folder, with "/" at its end
 */
export function httpsSource(data: PublishedData, mirror: string, limits: DownloadLimits = LIMITS): RemoteSource {
  async function fetchFiles(into: string, report: Report): Promise<void> {
    for (const [i, part] of DATA_PARTS.entries()) {
      const { name, bytes } = data.files[part];
      // Compressed files are smaller; should one not be, the limit still stops an endless response.
      const content = await download(`${mirror}${name}.gz`, bytes + 2 ** 16, limits, () => {
        if (i === 0) report(`fetching ${DATA_PARTS.length} files from ${mirror}`);
      });
      await writeFile(join(into, `${name}.gz`), content);
    }
  }
  return { kind: "https", title: mirror, fetch: fetchFiles };
}

/**
 * @param onAnswer called once the server has responded with the file
 * @throws UserError with the reason when the file is not received completely
 */
async function download(
  url: string,
  maxBytes: number,
  { connectSeconds, stallSeconds }: DownloadLimits,
  onAnswer: () => void,
): Promise<Uint8Array> {
  const abort = new AbortController();
  const giveUpAfter = (seconds: number, what: string): NodeJS.Timeout =>
    setTimeout(() => abort.abort(new UserError(`${what} for ${seconds} seconds`)), seconds * 1000);
  let timer = giveUpAfter(connectSeconds, "no answer");
  try {
    // Without this header the server may decompress the file, or compress it a second time.
    const response = await fetch(url, { signal: abort.signal, headers: { "accept-encoding": "identity" } });
    if (!response.ok || !response.body) throw new UserError(`HTTP status ${response.status}`);
    onAnswer();
    const chunks: Uint8Array[] = [];
    let received = 0;
    for await (const chunk of response.body) {
      clearTimeout(timer);
      timer = giveUpAfter(stallSeconds, "nothing received");
      received += chunk.length;
      if (received > maxBytes) throw new UserError(`more than the ${count(maxBytes)} bytes that are expected at most`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    throw new UserError(`${url.slice(url.lastIndexOf("/") + 1)}: ${networkReason(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
    abort.abort(); // closes the connection if the response was not read to its end
  }
}

/** fetch() only reports "fetch failed"; the reason is in the error's cause, and may be just an error code. */
export function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error.cause instanceof Error)) return error.message;
  const { cause } = error;
  return cause.message || ("code" in cause ? String(cause.code) : error.message);
}
