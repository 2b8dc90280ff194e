/** Large responses in small parts: each is made when the client has read those before it, and others have had their turn. */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";

/** Size of a part. */
export const PART_BYTES = 2 ** 18;

/** Bytes in parts, not copied: they must not be modified any more. */
export function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PART_BYTES) yield bytes.subarray(at, at + PART_BYTES);
}

/** The text `{"name":[...]}` in parts, whose items are made as they are needed. */
export function* jsonList<Item>(name: string, items: Iterable<Item>): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = `{${JSON.stringify(name)}:[`;
  let separator = "";
  for (const item of items) {
    text += separator + JSON.stringify(item);
    separator = ",";
    if (text.length < PART_BYTES) continue;
    yield encoder.encode(text);
    text = "";
  }
  yield encoder.encode(`${text}]}`);
}

/** A stream for a response's body. */
export function streamOf(parts: Iterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = parts[Symbol.iterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await setImmediate();
        const { done, value } = iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel() {
        iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** A weak ETag of a response. @param version what changes with its content */
export function entityTag(version: string): string {
  return `W/"${createHash("sha256").update(version).digest("base64url").slice(0, 22)}"`;
}
