import { oneOf, requireSetting } from "../settings.ts";
import { type AdamOptions, adam, adamW } from "./adam.ts";
import { type MuonOptions, muon } from "./muon.ts";
import type { Optimizer } from "./optimizer.ts";
import { type SgdOptions, sgd } from "./sgd.ts";

/** An optimizer and its options as plain data, so that a run's record can contain them. */
export type OptimizerSpec =
  | ({ readonly kind: "sgd" } & SgdOptions)
  | ({ readonly kind: "adam" } & AdamOptions)
  | ({ readonly kind: "adamw" } & AdamOptions)
  | ({ readonly kind: "muon" } & MuonOptions);

const OPTIMIZERS = { sgd, adam, adamw: adamW, muon } as const;

/** @throws UserError (exit code 2) for an unknown kind or option, and when an option is out of range */
export function createOptimizer(spec: OptimizerSpec): Optimizer {
  const { kind, ...options } = spec;
  requireSetting("optimizer", "kind", kind, oneOf(...Object.keys(OPTIMIZERS)));
  return OPTIMIZERS[kind](options);
}
