/** The queue's store: Redis (or Valkey) or Postgres, behind one interface. BullMQ keeps the jobs, this keeps files beside them. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Queue, QueueEvents, Worker } from "bullmq";
import { codeOf, messageOf, UserError } from "../errors.ts";

/** Files by name. */
export interface StoredFiles {
  put(name: string, content: Uint8Array): Promise<void>;
  /** Null where there is none. */
  get(name: string): Promise<Buffer | null>;
  remove(name: string): Promise<void>;
  /** Names that begin with a prefix of letters, digits and hyphens. */
  list(prefix: string): Promise<string[]>;
  removeAll(): Promise<void>;
}

/** What a worker does with a job. */
export type Processor = (job: import("bullmq").Job, token: string) => Promise<unknown>;

/** An open store. Whoever opens it closes it. */
export interface Store {
  /** Its address without a password. */
  readonly title: string;
  readonly files: StoredFiles;
  readonly queue: Queue;
  readonly Errors: Pick<typeof import("bullmq"), "DelayedError" | "UnrecoverableError" | "WaitingError">;
  /** @throws UserError when no connection can be made */
  events(): Promise<QueueEvents>;
  /** Connected, but not yet at work. @throws UserError when no connection can be made */
  worker(
    process: Processor,
    options: { name: string; lockDuration: number; stalledInterval: number; maxStalledCount: number },
  ): Promise<Worker>;
  /** Result of `work`. @throws UserError as soon as the connection is lost for longer than a restart of the store takes */
  whileConnected<Result>(work: Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** Name of the queue in the store. */
export const QUEUE_NAME = "tailor-runs";

/** Tries of the first connection, about three seconds. */
export const FIRST_TRIES = 6;
/** Tries once it was connected: a minute, in which the store may be restarted. */
export const LATER_TRIES = 60;
/** Milliseconds before the n-th try, from 1. */
export function retryDelay(tries: number): number {
  return Math.min(200 * tries, 1000);
}

/** Milliseconds that a part of a store gets to close. */
const CLOSE_MS = 3000;

/** Waits for a connection to close, but not for ever, as BullMQ may after it was lost. Its error does not matter any more. */
export async function soon(closed: Promise<unknown>): Promise<void> {
  const enough = new AbortController();
  await Promise.race([closed.catch(() => {}), sleep(CLOSE_MS, undefined, { signal: enough.signal })]);
  enough.abort();
}

/** An address as messages show it. */
export function titleOf(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname === "/" ? "" : url.pathname}`;
}

/** Part of a store that has connections of its own. */
interface StorePart {
  on(event: "error", listener: () => void): unknown;
}

/** The open parts of a store, in the order in which they were opened. */
export function openParts<Part extends StorePart>() {
  const open: Part[] = [];
  return {
    open: open as readonly Part[],
    /** It is closed by whoever opened it. */
    drop(part: Part): void {
      open.splice(open.indexOf(part), 1);
    },
    keep<Kept extends Part>(part: Kept): Kept {
      // What matters of its errors is seen by the store itself; without a listener they would end the process.
      part.on("error", () => {});
      open.push(part);
      return part;
    },
  };
}

/** Part of a store that connects by itself. */
interface ConnectingPart extends StorePart {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Opens a part of a store, several times where it cannot connect: the server may be starting again just then.
 *
 * @throws UserError when it cannot connect for a minute
 */
export async function openConnected<Part extends ConnectingPart, Opened extends Part>(
  parts: ReturnType<typeof openParts<Part>>,
  open: () => Opened,
  title: string,
): Promise<Opened> {
  for (let tries = 1; ; tries++) {
    const part = parts.keep(open());
    try {
      await part.waitUntilReady();
      return part;
    } catch (error) {
      parts.drop(part);
      await soon(part.close());
      if (tries === LATER_TRIES) throw refusal(title, error);
      await sleep(retryDelay(tries));
    }
  }
}

/** Whether the store refuses the user or password, so that more tries would not help. */
export function isLoginRefused(error: unknown): boolean {
  return (
    /WRONGPASS|NOAUTH|invalid password|ERR AUTH/i.test(messageOf(error)) || ["28P01", "28000"].includes(codeOf(error))
  );
}

/** Why a store could not be used. */
export function refusal(title: string, error: unknown): UserError {
  const code = codeOf(error);
  if (isLoginRefused(error)) {
    return new UserError(`${title} refuses the user or password; check the queue's address`);
  }
  if (code === "3D000")
    return new UserError(`${title}: there is no such database; create it, or check the queue's address`);
  if (code === "ECONNREFUSED") {
    return new UserError(
      `${title} refuses connections: nothing listens there; start the server, or check the queue's address`,
    );
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return new UserError(`${title}: there is no host of that name; check the queue's address`);
  }
  return new UserError(
    `${title} cannot be used: ${messageOf(error) || code || "the connection was closed"}; check the server and the queue's address`,
    { cause: error },
  );
}

/** The connection was there, and is no more. */
export function lost(title: string): UserError {
  return new UserError(
    `the connection to ${title} was lost, and not restored within a minute; nothing is lost: when it is back, run the same command to go on`,
  );
}
