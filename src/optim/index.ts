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

/** @throws UserError when an option is out of range */
export function createOptimizer(spec: OptimizerSpec): Optimizer {
  switch (spec.kind) {
    case "sgd":
      return sgd(spec);
    case "adam":
      return adam(spec);
    case "adamw":
      return adamW(spec);
    case "muon":
      return muon(spec);
    default:
      return spec satisfies never;
  }
}
