/**
 * TensorFlow.js on its WebAssembly backend, with SIMD and threads. In Node the package has no threads, as its workers
 * are created from blob URLs, and it uses only half of the cores: both are fixed here without changing the package.
 */
import { createRequire } from "node:module";

/** @returns tf with `threads` threads */
export async function startTfjs(threads) {
  const require = createRequire(import.meta.url);
  if (threads > 1) {
    mendWorkers(require);
    mendCores(require, threads);
  }
  const tf = require("@tensorflow/tfjs-core");
  const wasm = require("@tensorflow/tfjs-backend-wasm");
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", threads > 1);
  wasm.setThreadsCount(threads);
  await tf.setBackend("wasm");
  if (wasm.getThreadsCount() !== threads) throw new Error(`TensorFlow.js took ${wasm.getThreadsCount()} threads`);
  const version = require("@tensorflow/tfjs-core/package.json").version;
  return { tf, version };
}

/** Starts the package's worker script from text, and passes it the main script as a file instead of a blob. */
function mendWorkers(require) {
  const folder = "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd";
  const { wasmWorkerContents } = require(`${folder}.worker.js`);
  const mainFile = JSON.stringify(require.resolve(`${folder}.js`));
  const urls = `URL.createObjectURL = () => ${mainFile}; URL.revokeObjectURL = () => {};\n`;
  const script = urls + wasmWorkerContents.replaceAll("\n", "\\n");
  const workers = require("node:worker_threads");
  workers.Worker = class extends workers.Worker {
    constructor() {
      super(script, { eval: true });
    }
  };
}

function mendCores(require, threads) {
  const os = require("node:os");
  const [core] = os.cpus();
  os.cpus = () => new Array(2 * threads).fill(core);
}
