import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Built, wherever this file itself runs from: Node 20 runs no TypeScript. */
const FOLDER = new URL("../../dist/server/", import.meta.url);
/** A process that is to end by itself is given so long. */
const GRACE_MS = 10_000;

/** A process of its own for what would keep the server from answering. */
export interface WorkerProcess<To> {
  /** Once it is gone nobody listens, and nothing happens. */
  send(message: To): void;
  /**
   * Resolves when it is gone and all that it said was taken: undefined where it ended as it should, otherwise what became
   * of it, in words that follow "its process".
   */
  readonly ended: Promise<string | undefined>;
  /** Waits until it has ended by itself, for 10 seconds; then ends it. Resolves when it is gone. */
  end(): Promise<void>;
}

/** @param name of the worker's file in this folder, without ending */
export function startWorker<To extends object, From>(
  name: string,
  onMessage: (message: From) => void,
): WorkerProcess<To> {
  const child = fork(fileURLToPath(new URL(`${name}.js`, FOLDER)), {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execArgv: [],
    // Typed arrays stay what they are.
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
    async end() {
      const killer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
      await ended;
      clearTimeout(killer);
    },
  };
}
