/**
 * jax-js on its WebAssembly backend, with relaxed SIMD (fused multiply-add) and threads. In Node the package would
 * compute on one thread, as there is no browser Worker: this file emulates one. The package itself is not changed.
 */
import { readFileSync } from "node:fs";
import v8 from "node:v8";
import { Worker } from "node:worker_threads";

/** @returns jax-js with `threads` threads */
export async function startJaxJs(threads) {
  v8.setFlagsFromString("--experimental-wasm-relaxed-simd");
  if (threads > 1) {
    globalThis.Worker = BrowserWorker;
    // The package starts as many workers as there are cores.
    Object.defineProperty(globalThis, "navigator", { value: { hardwareConcurrency: threads }, configurable: true });
  }
  const jax = await import("@jax-js/jax");
  const entry = new URL(import.meta.resolve("@jax-js/jax"));
  const { version } = JSON.parse(readFileSync(new URL("../package.json", entry), "utf8"));
  return { jax, version };
}

const PRELUDE = `
  const { parentPort } = require("node:worker_threads");
  globalThis.self = globalThis;
  globalThis.postMessage = (message) => parentPort.postMessage(message);
  parentPort.on("message", (data) => self.onmessage({ data }));
`;

/** The part of a browser's Worker that the package uses, started from a blob URL. */
class BrowserWorker {
  #started;

  constructor(url) {
    this.#started = fetch(url)
      .then((response) => response.text())
      .then((script) => {
        const worker = new Worker(PRELUDE + script, { eval: true });
        worker.on("message", (data) => this.onmessage({ data }));
        worker.on("error", (error) => this.onerror(error));
        this.#started = worker;
        return worker;
      });
  }

  postMessage(message) {
    // Once started, messages are posted synchronously: a kernel's message must not wait for a promise.
    if (this.#started instanceof Worker) this.#started.postMessage(message);
    else this.#started.then((worker) => worker.postMessage(message));
  }
}
