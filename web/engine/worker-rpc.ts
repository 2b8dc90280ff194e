/** Remote procedure calls to a worker, by messages. */

/** Methods of a worker: each takes one argument and returns a promise. */
type Methods<Api> = { readonly [Name in keyof Api]: (argument: never) => Promise<unknown> };

type ArgumentOf<Api extends Methods<Api>, Name extends keyof Api> = Parameters<Api[Name]>[0];
type AnswerOf<Api extends Methods<Api>, Name extends keyof Api> = Awaited<ReturnType<Api[Name]>>;

interface Reply {
  readonly call: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** In the worker: executes calls of `api`, one after the other. */
export function answerCalls<Api extends Methods<Api>>(api: Api): void {
  let last: Promise<void> = Promise.resolve();
  addEventListener("message", ({ data }: MessageEvent<{ call: number; method: keyof Api; argument: never }>) => {
    const { call, method, argument } = data;
    last = last.then(async () => {
      try {
        postMessage({ call, value: await api[method](argument) } satisfies Reply);
      } catch (error) {
        postMessage({ call, error: error instanceof Error ? error.message : String(error) } satisfies Reply);
      }
    });
  });
}

/**
 * On the page: calls methods of the worker's api.
 *
 * @param onBroken called when the worker could not be started or crashed and does not respond any more
 */
export function callsTo<Api extends Methods<Api>>(worker: Worker, onBroken: () => void = () => {}) {
  let calls = 0;
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  worker.addEventListener("message", ({ data: { call, value, error } }: MessageEvent) => {
    const caller = waiting.get(call);
    waiting.delete(call);
    if (error === undefined) caller?.resolve(value as never);
    else caller?.reject(new Error(error));
  });
  worker.addEventListener("error", ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(message || "The page's worker could not be started."));
    waiting.clear();
    onBroken();
  });
  return <Name extends keyof Api>(
    method: Name,
    argument: ArgumentOf<Api, Name>,
    transfer: Transferable[] = [],
  ): Promise<AnswerOf<Api, Name>> =>
    new Promise((resolve, reject) => {
      waiting.set(++calls, { resolve, reject });
      worker.postMessage({ call: calls, method, argument }, transfer);
    });
}
