export interface BatcherOptions {
  /** Items in one call. */
  readonly most: number;
  /** Milliseconds that an item waits for company; longer only while a call is under way. */
  readonly waitMs: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers items that come one by one into calls for many: a call begins when `most` items wait or the first has waited
 * `waitMs`, and never while another one is under way. Items keep their order.
 *
 * @param call gives one result of each item, in their order; when it fails, so does each of its items
 * @returns takes an item, gives its result
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
    // Without a timer the first of those that are left has waited long enough.
    if (waiting.length > 0 && (timer === undefined || waiting.length >= most)) serve();
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (waiting.length >= most) serve();
      else timer ??= setTimeout(serve, waitMs);
    });
}
