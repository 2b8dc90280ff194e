/** Server-sent events, read as the standard says (WHATWG HTML, 9.2). */
export interface SentEvent {
  readonly event: string;
  readonly data: unknown;
  readonly id?: string;
}

export interface EventReader {
  /** Resolves at the first event for which `is` holds, also one that came already. */
  until(is: (event: SentEvent) => boolean): Promise<void>;
  /** All events, once the server has ended the stream. */
  all(): Promise<readonly SentEvent[]>;
  sofar(): readonly SentEvent[];
  /** Goes away without waiting for the end. */
  leave(): void;
}

export function readEvents(url: string, init: RequestInit = {}): EventReader {
  const events: SentEvent[] = [];
  const abort = new AbortController();
  let wake = () => {};
  let isOver = false;
  const reading = read().finally(() => {
    isOver = true;
    wake();
  });
  reading.catch(() => {}); // Told by `all` and `until`.

  async function read(): Promise<void> {
    const response = await fetch(url, { ...init, signal: abort.signal });
    if (response.headers.get("content-type") !== "text/event-stream") {
      throw new Error(`no event stream: ${response.status} ${await response.text()}`);
    }
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of response.body!) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop()!;
      events.push(...blocks.filter((block) => !block.startsWith(":")).map(parseEvent));
      wake();
    }
    if (text !== "") throw new Error(`the stream ends within an event: ${text}`);
  }

  return {
    async until(is) {
      while (!events.some(is)) {
        if (isOver) {
          await reading;
          throw new Error(`the stream ended: ${JSON.stringify(events.slice(-3))}`);
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async all() {
      await reading;
      return events;
    },
    sofar: () => events,
    leave: () => abort.abort(),
  };
}

function parseEvent(block: string): SentEvent {
  const fields = Object.fromEntries(
    block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
  );
  const { event, data, id } = fields;
  if (event === undefined || data === undefined) throw new Error(`no event: ${block}`);
  return { event, data: JSON.parse(data), ...(id === undefined ? {} : { id }) };
}
