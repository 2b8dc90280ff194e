import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { fileStream, PART_BYTES, streamOf } from "../../src/server/streams.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";

test("many streams together make one part between two looks at the sockets", async () => {
  let made = 0;
  function* parts() {
    for (let i = 0; i < 5; i++) {
      made++;
      yield Uint8Array.of(i);
    }
  }
  const all = Array.from({ length: 40 }, () => new Response(streamOf(parts())).arrayBuffer());
  let isDone = false;
  const together = Promise.all(all).then((bodies) => {
    isDone = true;
    return bodies;
  });
  let most = 0;
  while (!isDone) {
    const before = made;
    await setImmediate();
    most = Math.max(most, made - before);
  }
  for (const body of await together) expect([...new Uint8Array(body)]).toEqual([0, 1, 2, 3, 4]);
  expect(most).toBe(1);
});

test("a stream of a file gives its bytes in parts, and fails where the file has become shorter", async () => {
  const path = join(temporaryFolder(), "file");
  const content = Uint8Array.from({ length: 2 * PART_BYTES + 5 }, (_, i) => i % 251);
  writeFileSync(path, content);
  const parts: number[] = [];
  const chunks: Uint8Array[] = [];
  for await (const part of fileStream(openSync(path, "r"), content.length)) {
    parts.push(part.length);
    chunks.push(part);
  }
  expect(parts).toEqual([PART_BYTES, PART_BYTES, 5]);
  expect(Buffer.compare(Buffer.concat(chunks), content)).toBe(0);
  const lying = new Response(fileStream(openSync(path, "r"), content.length + 1)).arrayBuffer();
  await expect(lying).rejects.toThrow(`ends after ${content.length} of ${content.length + 1} bytes`);
});

test("what a stream holds is given back once: at its end, when it fails, and when its client leaves", async () => {
  const ended: string[] = [];
  await new Response(streamOf([Uint8Array.of(1)], () => ended.push("read"))).arrayBuffer();
  function* failing(): Generator<Uint8Array> {
    yield Uint8Array.of(1);
    throw new Error("no more");
  }
  const failed = new Response(streamOf(failing(), () => ended.push("failed"))).arrayBuffer();
  await expect(failed).rejects.toThrow("no more");
  const left = streamOf([Uint8Array.of(1), Uint8Array.of(2)], () => ended.push("left")).getReader();
  await left.read();
  await left.cancel();
  await streamOf([Uint8Array.of(1)], () => ended.push("never read")).cancel();
  expect(ended).toEqual(["read", "failed", "left", "never read"]);
});
