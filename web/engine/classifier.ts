import type { ClassifierApi } from "./classifier-worker.ts";
import { callsTo } from "./worker-rpc.ts";

let calls: ReturnType<typeof callsTo<ClassifierApi>> | undefined;

/** The page's classifier. Its worker, with ONNX Runtime, starts on first use, and again after a failure. */
export function classifier(): ReturnType<typeof callsTo<ClassifierApi>> {
  calls ??= callsTo<ClassifierApi>(
    new Worker(new URL("./classifier-worker.ts", import.meta.url), { type: "module", name: "classifier" }),
    () => {
      calls = undefined;
    },
  );
  return calls;
}
