/** Large responses in small parts: each is made when the client has read those before it, and others have had their turn. */
import { createHash } from "node:crypto";
import { closeSync, read } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";

/** Size of a part. */
export const PART_BYTES = 2 ** 16;

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

const readAt = promisify(read);

/** The contents of an open file in parts. @throws Error when it became shorter meanwhile */
async function* fileParts(file: number, bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; ) {
    const part = Buffer.allocUnsafe(Math.min(PART_BYTES, bytes - at));
    const { bytesRead } = await readAt(file, part, 0, part.length, at);
    if (bytesRead === 0) throw new Error(`a file that is being sent ends after ${at} of ${bytes} bytes`);
    yield part.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** A stream of an open file for a response's body; the file is closed when it was read, or the client has left. */
export function fileStream(file: number, bytes: number): ReadableStream<Uint8Array> {
  let isOpen = true;
  return streamOf(fileParts(file, bytes), () => {
    if (isOpen) closeSync(file);
    isOpen = false;
  });
}

let lastTurn: Promise<unknown> = Promise.resolve();

/**
 * Waits for a turn. All streams together make one part between two looks at the sockets: Node accepts one connection at a
 * look, so with a part of each stream in between, a new client would wait for hundreds of parts.
 */
function ownTurn(): Promise<unknown> {
  lastTurn = lastTurn.then(() => setImmediate());
  return lastTurn;
}

/** A stream for a response's body. @param onEnd called when all was read, or the client has left, or a part failed */
export function streamOf(
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  onEnd: () => void = () => {},
): ReadableStream<Uint8Array> {
  const iterator = Symbol.iterator in parts ? parts[Symbol.iterator]() : parts[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await ownTurn();
        try {
          const { done, value } = await iterator.next();
          if (!done) return controller.enqueue(value);
        } catch (error) {
          onEnd();
          throw error;
        }
        onEnd();
        controller.close();
      },
      async cancel() {
        // After the part that is being made.
        await iterator.return?.();
        onEnd();
      },
    },
    { highWaterMark: 0 },
  );
}

/** A weak ETag of a response. @param version what changes with its content */
export function entityTag(version: string): string {
  return `W/"${createHash("sha256").update(version).digest("base64url").slice(0, 22)}"`;
}
