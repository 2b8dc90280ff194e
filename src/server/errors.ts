import { homedir, tmpdir } from "node:os";
import { basename, resolve } from "node:path";
import type { ErrorHandler, Handler, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { UserError } from "../errors.ts";

/** Seconds after which a client that was turned away may try again. */
const RETRY_AFTER_SECONDS = 1;

/** A refusal that the client is told of. Neither code nor message names anything of the server's own: no path, no stack. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: ContentfulStatusCode;
  /** For programs: snake_case, stays the same when the message is worded anew. */
  readonly code: string;

  constructor(status: ContentfulStatusCode, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The error as it is answered: `{ "error": { "code", "message" } }`, with `Retry-After` where trying again helps. */
export function errorAnswer({ status, code, message }: Pick<HttpError, "status" | "code" | "message">) {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (status === 429 || status === 503) headers["retry-after"] = String(RETRY_AFTER_SECONDS);
  return { status, headers, body: JSON.stringify({ error: { code, message } }) };
}

/** A message of the house ("there is no ...") as a sentence. */
export function sentence(message: string): string {
  return `${message[0]!.toUpperCase()}${message.slice(1)}.`;
}

/** Makes answers of whatever routes throw. @param log takes what clients are not told */
export function answerErrors(log: (line: string) => void): ErrorHandler {
  return (error, c) => {
    const { status, headers, body } = errorAnswer(asHttpError(error, log));
    return c.body(body, status, headers);
  };
}

export const notFound: Handler = () => {
  throw new HttpError(404, "not_found", "There is nothing at this address.");
};

function asHttpError(error: Error, log: (line: string) => void): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof UserError) {
    log(error.message);
    return new HttpError(503, "unavailable", "This cannot be answered now; the server's log tells why.");
  }
  log(error.stack ?? error.message);
  return new HttpError(500, "internal", "This is a defect of tailor's; the server's log tells more.");
}

/** Answers 405 to every method that the routes declared so far do not have; to be called when all are. */
export function refuseOtherMethods(app: Hono): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (method === "ALL") continue;
    const known = methods.get(path) ?? new Set();
    known.add(method);
    if (method === "GET") known.add("HEAD"); // Hono answers it with the GET's headers.
    methods.set(path, known);
  }
  for (const [path, known] of methods) {
    const allowed = [...known].join(", ");
    app.all(path, (c) => {
      c.header("allow", allowed);
      throw new HttpError(405, "method_not_allowed", `Allowed here: ${allowed}; not ${c.req.method}.`);
    });
  }
}

/** An absolute path, POSIX's or Windows's: its last part is the group. No part of an address, a share or a date. */
const ABSOLUTE_PATH = /(?<![\w.:/\\-])(?:[A-Za-z]:)?(?:[\\/][^\s"'`,;:()\\/]+)*[\\/]([^\s"'`,;:()\\/]+)/g;

/**
 * Takes this machine's paths out of messages that clients are told: of what lies in one of `folders`, or in the user's
 * folder, the way from there is left ("runs/a/state.safetensors" of "/home/me/runs/a/state.safetensors"), of other absolute
 * paths the last part. Those with spaces are known as a whole only in these folders.
 */
export function pathHider(folders: readonly (string | undefined)[]): (message: string) => string {
  const given = [...folders, homedir(), process.cwd(), tmpdir()].filter((folder) => folder !== undefined);
  const known = [...new Set(given.flatMap((folder) => [folder, resolve(folder)]))]
    .filter((folder) => basename(folder) !== "" && !/^\.+$/.test(basename(folder)))
    .sort((a, b) => b.length - a.length);
  return (message) => {
    let shown = message;
    for (const folder of known) {
      const name = folder.replaceAll(/[^\w]/g, "\\$&");
      shown = shown.replaceAll(new RegExp(`(?<![\\w./\\\\-])${name}[\\\\/]`, "g"), "");
      shown = shown.replaceAll(new RegExp(`(?<![\\w./\\\\-])${name}(?![\\w-])`, "g"), () => basename(folder));
    }
    return shown.replaceAll(ABSOLUTE_PATH, "$1");
  };
}
