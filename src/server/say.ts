/** For the processes that work for the server: what they say to it. */

/** The server may be gone: then nobody listens. */
export function say<Message extends object>(message: Message): void {
  if (process.connected) process.send!(message);
}

/** What the server's log is told of an error that is nobody's but tailor's. */
export function describeCrash(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
