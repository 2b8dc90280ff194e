import type { Lowering } from "../compile/program.ts";
import { UserError } from "../errors.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Chooses the lowering: the requested one, or by default blocked where the processor supports it, else standard.
 *
 * @throws UserError when blocked is requested but not supported
 */
export async function chooseLowering(runtime: Runtime, wanted?: Lowering["kind"]): Promise<Lowering> {
  if (wanted === "standard") return { kind: "standard" };
  const block = await runtime.probeBlockSize();
  if (block !== undefined) return { kind: "blocked", block };
  if (wanted === "blocked") {
    throw new UserError(
      (w) =>
        `ONNX Runtime has no blocked layout on this processor; use ${w.option("lowering", "standard")}, or leave the option out`,
    );
  }
  return { kind: "standard" };
}
