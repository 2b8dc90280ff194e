import type { ContentfulStatusCode } from "hono/utils/http-status";

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
