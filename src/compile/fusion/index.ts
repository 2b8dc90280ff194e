import type { Rule } from "../rewrite.ts";
import { affineReluRule } from "./affineRelu.ts";
import { convBiasRule } from "./convBias.ts";
import { convReluRule } from "./convRelu.ts";
import { depthwiseBiasRule } from "./depthwiseBias.ts";
import { expandRule } from "./expand.ts";
import { matmulBiasRule } from "./matmulBias.ts";
import { reluBeforePoolRule } from "./reluBeforePool.ts";
import { sumOfPoolGradientRule } from "./sumOfPoolGradient.ts";

/** Every fusion rule: each keeps the numbers and saves passes over memory. */
export const FUSION_RULES: readonly Rule[] = [
  expandRule,
  convBiasRule,
  convReluRule,
  depthwiseBiasRule,
  affineReluRule,
  matmulBiasRule,
  reluBeforePoolRule,
  sumOfPoolGradientRule,
];
