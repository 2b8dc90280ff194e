import { biasAddOp } from "../../ops/biasAdd.ts";
import { fusedMatmul } from "../../ops/fusedMatmul.ts";
import { matmulOp } from "../../ops/matmul.ts";
import { isOp } from "../match.ts";
import type { Rule } from "../rewrite.ts";

/** biasAdd(matmul(a, b), bias) -> fusedMatmul(a, b, bias), where nothing else reads the product. Same numbers by definition. */
export const matmulBiasRule: Rule = {
  name: "matmulBias",
  rewrite(value, { uses }) {
    if (!isOp(value, biasAddOp)) return undefined;
    const [product, bias] = value.inputs;
    if (!isOp(product!, matmulOp) || uses(product) > 1) return undefined;
    const [a, b] = product.inputs;
    return fusedMatmul(a!, b!, bias!, product.attributes);
  },
};
