import { fork } from "node:child_process";
import { packageFile } from "../package-files.ts";

/** Grace period for a process to end by itself. */
const GRACE_MS = 10_000;

/** A child process for work that would block the server. */
export interface WorkerProcess<To> {
  /** Sends a message; does nothing after the process has ended. */
  send(message: To): void;
  /** Sends a message, and resolves when the process has taken it or has ended: for many, of which few fit into memory. */
  deliver(message: To): Promise<void>;
  /**
   * Resolves when it has ended and all its messages were handled: undefined after a normal exit, otherwise the reason,
   * as a phrase that follows "its process".
   */
  readonly ended: Promise<string | undefined>;
  /** Kills it at once. */
  kill(): void;
  /** Waits up to 10 seconds for it to end by itself, then kills it. Resolves when it has ended. */
  end(): Promise<void>;
}

/**
 * Of a process that should hold little memory between its tasks: V8 collects young objects more often (16 MB of them
 * otherwise), and threads share what glibc has freed instead of keeping it each.
 */
const SMALL = { execArgv: ["--max-semi-space-size=2"], env: { MALLOC_ARENA_MAX: "2" } };

/**
 * @param name of the worker's module, such as `server/decode-worker`
 * @param isSmall whether little memory comes before speed
 */
export function startWorker<To extends object, From>(
  name: string,
  onMessage: (message: From) => void,
  { isSmall = false } = {},
): WorkerProcess<To> {
  const { execArgv, env } = isSmall ? SMALL : { execArgv: [], env: {} };
  // Always the built workers, even if this file runs from `src`: Node 20 cannot run TypeScript.
  const child = fork(packageFile(`dist/${name}.js`), {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execArgv,
    env: { ...process.env, ...env },
    // Preserves typed arrays.
    serialization: "advanced",
  });
  child.on("message", onMessage);
  const ended = new Promise<string | undefined>((resolve) => {
    // Unlike "exit", after the last message.
    child.once("close", (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(signal ? `was ended by ${signal}` : `ended with exit code ${code}`);
    });
    child.once("error", (error) => resolve(`could not be started: ${error.message}`));
  });
  return {
    ended,
    send(message) {
      if (child.connected) child.send(message, () => {});
    },
    deliver: (message) =>
      new Promise((resolve) => {
        if (child.connected) child.send(message, () => resolve());
        else resolve();
      }),
    kill() {
      child.kill("SIGKILL");
    },
    async end() {
      const killer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
      await ended;
      clearTimeout(killer);
    },
  };
}
