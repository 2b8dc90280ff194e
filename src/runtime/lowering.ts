import type { Lowering } from "../compile/program.ts";
import { UserError } from "../errors.ts";
import type { Runtime } from "./runtime.ts";

/**
 * The lowering to use: the one asked for, or the fastest that the runtime has.
 *
 * @throws UserError when one is asked for that the runtime does not have here
 */
export async function chooseLowering(runtime: Runtime, wanted?: Lowering["kind"]): Promise<Lowering> {
  const [fastest, ...others] = await runtime.lowerings();
  if (wanted === undefined) return fastest;
  const chosen = [fastest, ...others].find(({ kind }) => kind === wanted);
  if (chosen) return chosen;
  throw new UserError(MISSING[wanted]);
}

const MISSING: Readonly<Record<Lowering["kind"], string>> = {
  standard: "the GPU has a lowering of its own; leave --lowering out, or use --device cpu",
  blocked:
    "ONNX Runtime has no blocked layout on this processor or device; use --lowering standard, or leave the option out",
  gpu: "the GPU's lowering is for a GPU; use --device gpu",
};
