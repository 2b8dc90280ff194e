import type { ClassifierApi } from "./classifier-worker.ts";
import { callsTo } from "./worker-rpc.ts";

let calls: ReturnType<typeof callsTo<ClassifierApi>> | undefined;

/** The page's classifier; its worker, and ONNX Runtime in it, start with the first use, and anew after one that broke. */
export function classifier(): ReturnType<typeof callsTo<ClassifierApi>> {
  calls ??= callsTo<ClassifierApi>(
    new Worker(new URL("./classifier-worker.ts", import.meta.url), { type: "module", name: "classifier" }),
    () => {
      calls = undefined;
    },
  );
  return calls;
}
