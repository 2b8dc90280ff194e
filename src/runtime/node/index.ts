import { createRequire } from "node:module";
import type { Runtime } from "../runtime.ts";
import { probeBlockSize } from "./probe.ts";
import { openSession } from "./session.ts";

const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string };

let probed: Promise<number | undefined> | undefined;

/** ONNX Runtime's native build for Node. */
export const nodeRuntime: Runtime = {
  version,
  probeBlockSize: () => {
    probed ??= probeBlockSize();
    return probed;
  },
  open: openSession,
};
