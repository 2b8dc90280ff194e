import { createRequire } from "node:module";
import type { Lowering } from "../../compile/program.ts";
import type { Runtime } from "../runtime.ts";
import { probeBlockSize } from "./ort.ts";
import { openSession } from "./session.ts";

const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string };

let probed: Promise<readonly [Lowering, ...Lowering[]]> | undefined;

/** ONNX Runtime's native build for Node. */
export const nodeRuntime: Runtime = {
  version,
  lowerings: () => {
    probed ??= probeLowerings();
    return probed;
  },
  open: openSession,
};

async function probeLowerings(): Promise<readonly [Lowering, ...Lowering[]]> {
  const standard = { kind: "standard" } as const;
  const block = await probeBlockSize();
  return block === undefined ? [standard] : [{ kind: "blocked", block }, standard];
}
