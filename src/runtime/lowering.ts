import type { Lowering } from "../compile/program.ts";
import { UserError } from "../errors.ts";
import type { Words } from "../wording.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Chooses the lowering: the requested one, or by default the fastest that the runtime has.
 *
 * @throws UserError when one is requested that the runtime does not have here
 */
export async function chooseLowering(runtime: Runtime, wanted?: Lowering["kind"]): Promise<Lowering> {
  const [fastest, ...others] = await runtime.lowerings();
  if (wanted === undefined) return fastest;
  const chosen = [fastest, ...others].find(({ kind }) => kind === wanted);
  if (chosen) return chosen;
  throw new UserError(MISSING[wanted]);
}

const MISSING: Readonly<Record<Lowering["kind"], Words>> = {
  standard: (w) =>
    `the GPU has a lowering of its own; leave ${w.option("lowering")} out, or use ${w.option("device", "cpu")}`,
  blocked: (w) =>
    `ONNX Runtime has no blocked layout on this processor or device; use ${w.option("lowering", "standard")}, or leave the option out`,
  gpu: (w) => `only a GPU runs this lowering; use ${w.option("device", "gpu")}`,
};
