import type { HonoRequest } from "hono";
import type { z } from "zod";
import { describeIssues } from "../formats/json.ts";
import { HttpError } from "./errors.ts";
import type { ConcurrencyLimit } from "./limits.ts";

/** Time and size limits for reading the rest of a refused body. */
const LINGER_MS = 2000;
const LINGER_BYTES = 64 * 2 ** 20;
/** Bodies up to this size are read in one piece, and are not counted. */
const SMALL_BYTES = 2 ** 16;

/** The media type of Content-Type: `image/png`, in lower case and without parameters; "" if absent. */
export function mediaType(request: HonoRequest): string {
  return (request.header("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
}

/**
 * Reads a whole body and processes it. A body whose Content-Length exceeds the limit is refused before it is read; one
 * without a length is read up to the limit.
 *
 * @param held counts the bytes of all large bodies that are here at once: what has come, not what is announced, or a few
 *   clients
 * that announce much and send slowly would keep out all others
 * @throws HttpError 413 when it is longer than `mostBytes`, 400 when it is missing or incomplete, or the error of
 *   `held`
 */
export async function withBody<Result>(
  request: HonoRequest,
  { mostBytes, held }: { mostBytes: number; held: ConcurrencyLimit },
  work: (bytes: Uint8Array<ArrayBuffer>) => Promise<Result>,
): Promise<Result> {
  // The length is only known if the server enforces it.
  const isChunked = request.header("transfer-encoding") !== undefined;
  const length = isChunked ? undefined : request.header("content-length");
  if (Number(length ?? 0) > mostBytes) {
    const reader = request.raw.body?.getReader();
    if (reader) await discard(reader);
    throw tooLarge(mostBytes);
  }
  const entered: (() => void)[] = [];
  const enter = (count: number) => entered.push(held.enter(count));
  try {
    const bytes = await readWhole(request, { length, mostBytes, enter });
    if (bytes.byteLength === 0) throw new HttpError(400, "no_body", "The request has no body.");
    return await work(new Uint8Array(bytes));
  } finally {
    for (const leave of entered) leave();
  }
}

/** @param options.enter called with the number of bytes before they are kept, and may refuse them */
async function readWhole(
  request: HonoRequest,
  { length, mostBytes, enter }: { length: string | undefined; mostBytes: number; enter: (count: number) => void },
): Promise<ArrayBuffer> {
  const isSmall = length !== undefined && Number(length) <= SMALL_BYTES;
  try {
    return await (isSmall ? request.arrayBuffer() : readStream(request, mostBytes, enter));
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, "body_cut_short", "The body broke off before its end.");
  }
}

async function readStream(
  request: HonoRequest,
  mostBytes: number,
  enter: (count: number) => void,
): Promise<ArrayBuffer> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const reader = request.raw.body?.getReader();
  let length = 0;
  for (let part = await reader?.read(); part && !part.done; part = await reader!.read()) {
    length += part.value.length;
    try {
      if (length > mostBytes) throw tooLarge(mostBytes);
      enter(part.value.length);
    } catch (refusal) {
      chunks.length = 0;
      await discard(reader!);
      throw refusal;
    }
    chunks.push(part.value);
  }
  return new Blob(chunks).arrayBuffer();
}

/**
 * Reads and discards the rest of a body for a while: closing a connection with unread bytes resets it and loses the
 * response.
 */
async function discard(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  let discarded = 0;
  const deadline = setTimeout(() => void reader.cancel().catch(() => {}), LINGER_MS);
  try {
    for (let part = await reader.read(); !part.done && discarded < LINGER_BYTES; part = await reader.read()) {
      discarded += part.value.length;
    }
  } catch {
    // The client has disconnected.
  } finally {
    clearTimeout(deadline);
  }
}

/** @throws HttpError 400 when the bytes are not JSON */
export function parseJsonBody(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new HttpError(400, "not_json", "The body is not JSON, though its content type says so.");
  }
}

function tooLarge(mostBytes: number): HttpError {
  return new HttpError(413, "body_too_large", `The body is too large: at most ${mostBytes} bytes are taken.`);
}

/**
 * Parses the query parameters. Unknown ones are ignored, as is usual.
 *
 * @throws HttpError 400 that names the parameter, what is allowed and what was sent
 */
export function parseQuery<Query>(request: HonoRequest, schema: z.ZodType<Query>): Query {
  const sent = request.query();
  return checked(sent, schema, "The address's parameters are wrong");
}

/** @throws HttpError 400 that names the field, what is allowed and what was sent */
export function parseFields<Fields>(body: unknown, schema: z.ZodType<Fields>): Fields {
  return checked(body, schema, "The body is wrong");
}

function checked<Value>(sent: unknown, schema: z.ZodType<Value>, problem: string): Value {
  const result = schema.safeParse(sent);
  if (result.success) return result.data;
  throw new HttpError(400, "bad_request", `${problem}: ${describeIssues(result.error.issues, sent)}.`);
}
