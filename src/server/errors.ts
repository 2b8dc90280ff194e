import { homedir, tmpdir } from "node:os";
import { basename, resolve } from "node:path";
import type { ErrorHandler, Handler, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { UserError } from "../errors.ts";

/** Value of `Retry-After`, in seconds. */
const RETRY_AFTER_SECONDS = 1;

/** An error response. Neither code nor message reveals internals of the server, such as paths or stacks. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: ContentfulStatusCode;
  /** For programs: snake_case, stable even if the message is reworded. */
  readonly code: string;

  constructor(status: ContentfulStatusCode, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The error's response: `{ "error": { "code", "message" } }`, with `Retry-After` where retrying helps. */
export function errorAnswer({ status, code, message }: Pick<HttpError, "status" | "code" | "message">) {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (status === 429 || status === 503) headers["retry-after"] = String(RETRY_AFTER_SECONDS);
  return { status, headers, body: JSON.stringify({ error: { code, message } }) };
}

/** The error of a request beyond what the server works on at once. */
export function overloaded(): HttpError {
  return new HttpError(503, "overloaded", "The server is at work on as much as it takes; try again in a moment.");
}

/** Turns one of tailor's messages ("there is no ...") into a sentence. */
export function sentence(message: string): string {
  return `${message[0]!.toUpperCase()}${message.slice(1)}.`;
}

/** Converts errors of routes to responses. @param log receives details that are hidden from clients */
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

/** Responds with 405 to methods that no route declares; to be called after all routes are declared. */
export function refuseOtherMethods(app: Hono): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (method === "ALL") continue;
    const known = methods.get(path) ?? new Set();
    known.add(method);
    if (method === "GET") known.add("HEAD"); // Hono responds with GET's headers.
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

/** An absolute path of POSIX or Windows; the group is its last part. Does not match parts of URLs, shares or dates. */
const ABSOLUTE_PATH = /(?<![\w.:/\\-])(?:[A-Za-z]:)?(?:[\\/][^\s"'`,;:()\\/]+)*[\\/]([^\s"'`,;:()\\/]+)/g;

/**
 * Shortens this machine's paths in messages for clients: a path in one of `folders`, or in the user's home, becomes
 * relative ("runs/a/state.safetensors" for "/home/me/runs/a/state.safetensors"); of other absolute paths only the last
 * part is kept. Paths with spaces are only recognized completely in these folders.
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
