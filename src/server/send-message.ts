/** Messages of worker processes to the server. */

/**
 * Sends a message to the server, if it still exists.
 *
 * @returns resolves once the message is sent: a process that disconnects earlier would truncate it
 */
export async function sendMessage<Message extends object>(message: Message): Promise<void> {
  if (!process.connected) return;
  await new Promise<void>((resolve) => {
    process.send!(message, undefined, undefined, () => resolve());
  });
}

/** Text of an internal error for the server's log. */
export function describeCrash(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
