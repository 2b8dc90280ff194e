/** For the processes that work for the server: what they say to it. */

/**
 * The server may be gone: then nobody listens.
 *
 * @returns resolves once it is said: a process that lets go of the server before breaks off in the middle
 */
export async function sendMessage<Message extends object>(message: Message): Promise<void> {
  if (!process.connected) return;
  await new Promise<void>((resolve) => {
    process.send!(message, undefined, undefined, () => resolve());
  });
}

/** What the server's log is told of an error that is nobody's but tailor's. */
export function describeCrash(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
