import { describe, expect, test, vi } from "vitest";
import { createBatcher } from "../../src/server/batcher.ts";

/** A call that ends on demand, and records its arguments. */
function heldCalls() {
  const calls: {
    items: readonly number[];
    end: (results?: readonly number[]) => void;
    fail: (error: Error) => void;
  }[] = [];
  const call = (items: readonly number[]) =>
    new Promise<readonly number[]>((resolve, reject) => {
      calls.push({ items, end: (results = items.map((item) => item * 10)) => resolve(results), fail: reject });
    });
  return { calls, call };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("batcher", () => {
  test("items that arrive together are in one call, and each gets its own result", async () => {
    const { calls, call } = heldCalls();
    const ask = createBatcher(call, { most: 64, waitMs: 1 });
    const answers = Promise.all([3, 1, 2].map(ask));
    await vi.waitFor(() => expect(calls).toHaveLength(1));
    expect(calls[0]!.items).toEqual([3, 1, 2]);
    calls[0]!.end();
    expect(await answers).toEqual([30, 10, 20]);
  });

  test("a full batch does not wait, and is never exceeded", async () => {
    const { calls, call } = heldCalls();
    const ask = createBatcher(call, { most: 2, waitMs: 1e6 });
    const answers = Promise.all([1, 2, 3, 4, 5, 6].map(ask));
    for (const expected of [
      [1, 2],
      [3, 4],
      [5, 6],
    ]) {
      await settled();
      expect(calls.at(-1)!.items).toEqual(expected);
      calls.at(-1)!.end();
    }
    expect(await answers).toEqual([10, 20, 30, 40, 50, 60]);
    expect(calls).toHaveLength(3);
  });

  test("a lone item is called after the wait, not before", async () => {
    vi.useFakeTimers();
    try {
      const { calls, call } = heldCalls();
      const ask = createBatcher(call, { most: 4, waitMs: 5 });
      const answer = ask(7);
      await vi.advanceTimersByTimeAsync(4);
      expect(calls).toHaveLength(0);
      await vi.advanceTimersByTimeAsync(1);
      expect(calls.map(({ items }) => items)).toEqual([[7]]);
      calls[0]!.end();
      expect(await answer).toBe(70);
    } finally {
      vi.useRealTimers();
    }
  });

  test("no call starts while another is running; items that arrived meanwhile follow as soon as it ends", async () => {
    vi.useFakeTimers();
    try {
      const { calls, call } = heldCalls();
      const ask = createBatcher(call, { most: 2, waitMs: 5 });
      const first = [ask(1), ask(2)];
      const later = [ask(3)];
      await vi.advanceTimersByTimeAsync(50);
      expect(calls).toHaveLength(1);
      calls[0]!.end();
      await vi.advanceTimersByTimeAsync(0);
      expect(calls.map(({ items }) => items)).toEqual([[1, 2], [3]]);
      calls[1]!.end();
      expect(await Promise.all([...first, ...later])).toEqual([10, 20, 30]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("items that arrived during a call and have not waited long enough still wait for others", async () => {
    vi.useFakeTimers();
    try {
      const { calls, call } = heldCalls();
      const ask = createBatcher(call, { most: 2, waitMs: 5 });
      ask(1);
      ask(2);
      ask(3);
      await vi.advanceTimersByTimeAsync(3);
      calls[0]!.end();
      await vi.advanceTimersByTimeAsync(1);
      expect(calls).toHaveLength(1);
      ask(4);
      expect(calls.map(({ items }) => items)).toEqual([
        [1, 2],
        [3, 4],
      ]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("a failed call fails its own items only; the next ones are served", async () => {
    const { calls, call } = heldCalls();
    const ask = createBatcher(call, { most: 2, waitMs: 1 });
    const failing = [ask(1), ask(2)];
    const fine = ask(3);
    calls[0]!.fail(new Error("out of order"));
    expect(await Promise.allSettled(failing)).toMatchObject([{ status: "rejected" }, { status: "rejected" }]);
    await vi.waitFor(() => expect(calls).toHaveLength(2));
    calls[1]!.end();
    expect(await fine).toBe(30);
  });
});
