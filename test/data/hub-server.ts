/** A server on this machine that answers as Hugging Face does: facts with a redirect, contents from a storage. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll } from "vitest";

export const COMMIT = "a".repeat(40);

/** A large file: its facts are of `content`, its storage may have another. */
interface StoredFile {
  readonly content: Uint8Array;
  stored: Uint8Array;
}

/** The server of a test file, and how it answers: a test sets what it is about. */
export interface HubServer {
  /** Large files of revision main, by OWNER/NAME/PATH. */
  readonly files: Map<string, StoredFile>;
  /** Small files, which the server sends itself. */
  readonly texts: Map<string, string>;
  /** Answers before the usual ones, in order; true where it has answered. */
  before: ((request: IncomingMessage, response: ServerResponse) => boolean)[];
  hasRanges: boolean;
  asked: { method: string; url: string; range: string | undefined; authorization: string | undefined }[];
  /** Known once tests run. */
  url(): string;
}

/** Starts a server for the whole test file. Call it outside of tests. */
export function hubServer(): HubServer {
  const hub: HubServer = {
    files: new Map(),
    texts: new Map(),
    before: [],
    hasRanges: true,
    asked: [],
    url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
  };
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    hub.asked.push({ method, url, range: headers.range, authorization: headers.authorization });
    if (hub.before.shift()?.(request, response)) return;
    const place = url.replace(/^\/storage\//, "").replace(/^\/|resolve\/main\//g, "");
    const [file, text] = [hub.files.get(place), hub.texts.get(place)];
    if (file && url.startsWith("/storage/")) {
      const from = hub.hasRanges && headers.range ? Number(/\d+/.exec(headers.range)![0]) : 0;
      const rest = file.stored.subarray(from);
      response.writeHead(from > 0 ? 206 : 200, { "content-length": rest.length });
      response.end(rest);
    } else if (file && url.includes("/resolve/main/")) {
      const sha256 = createHash("sha256").update(file.content).digest("hex");
      const facts = { "x-repo-commit": COMMIT, "x-linked-etag": `"${sha256}"`, "x-linked-size": file.content.length };
      response.writeHead(302, { ...facts, location: `/storage/${place}`, etag: '"other"' }).end();
    } else if (text !== undefined && url.includes("/resolve/main/")) {
      response.writeHead(200, { "x-repo-commit": COMMIT, etag: 'W/"0123abcd"', "content-length": text.length });
      response.end(method === "HEAD" ? undefined : text);
    } else response.writeHead(404).end();
  });
  beforeAll(() => new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve)));
  afterAll(() => void server.close());
  return hub;
}
