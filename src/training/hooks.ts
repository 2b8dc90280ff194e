import { messageOf, UserError } from "../errors.ts";

/**
 * What a callback returns, or the promise of it: "stop" ends training as if it were interrupted, so that it can be resumed;
 * anything else goes on.
 */
export type HookAnswer = unknown;

/**
 * Calls a callback and waits for its answer.
 *
 * @returns whether it stops the training
 * @throws UserError that names the callback when it fails; UserErrors stay as they are
 */
export async function callHook(name: string, hook: () => HookAnswer): Promise<boolean> {
  try {
    return (await hook()) === "stop";
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`the callback \`${name}\`: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
