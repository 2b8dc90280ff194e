export interface BatcherOptions {
  /** Maximum number of items per call. */
  readonly most: number;
  /** Maximum time in ms that an item waits for others; longer only while another call is running. */
  readonly waitMs: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Combines single items into batches: a call starts when `most` items are waiting or the first has waited `waitMs`, and
 * never while another one is running. Items keep their order.
 *
 * @param call returns one result per item, in order; when it fails, so does each of its items
 * @returns a function from an item to its result
 */
export function createBatcher<Item, Result>(
  call: (items: readonly Item[]) => Promise<readonly Result[]>,
  { most, waitMs }: BatcherOptions,
): (item: Item) => Promise<Result> {
  const waiting: Waiting<Item, Result>[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isCalling = false;

  const serve = async () => {
    clearTimeout(timer);
    timer = undefined;
    if (isCalling) return;
    isCalling = true;
    const batch = waiting.splice(0, most);
    try {
      const results = await call(batch.map(({ item }) => item));
      for (const [i, { resolve }] of batch.entries()) resolve(results[i]!);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    isCalling = false;
    // Without a timer the first of the remaining items has waited long enough.
    if (waiting.length > 0 && (timer === undefined || waiting.length >= most)) serve();
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (waiting.length >= most) serve();
      else timer ??= setTimeout(serve, waitMs);
    });
}
