import { CANONICAL } from "../graph/layout.ts";
import { requireSameShape } from "../graph/shape.ts";
import { apply, type Op, type Value } from "../graph/value.ts";
import { convAttributes, planConvolution, referenceConvolution } from "./conv2d.ts";
import { type ConvolutionAttributes, convolutionMultiplyAdds, inferConvolution } from "./convolution.ts";

type FusedConvolutionAttributes = ConvolutionAttributes & { readonly relu: boolean };

/**
 * y = conv2d(x, weight) + bias of the channel, then ReLU when `relu`: made by the fusion rules after gradients are
 * taken, because one pass over y is cheaper than three. x [N, C, H, W], weight [K, C, kh, kw], bias [K].
 */
export const fusedConv2dOp: Op<FusedConvolutionAttributes> = {
  name: "fusedConv2d",
  infer([x, weight, bias], attributes) {
    requireSameShape("fusedConv2d", "bias and the weight's first axis", bias!.shape, weight!.shape.slice(0, 1));
    return { shape: inferConvolution("fusedConv2d", x!.shape, weight!.shape, attributes) };
  },
  lower: {
    standard(writer, inputs, { inputs: [, weight], attributes }) {
      const y = writer.node("Conv", inputs, convAttributes(weight!.shape, attributes));
      return attributes.relu ? writer.node("Relu", [y]) : y;
    },
    blocked: {
      plan({ inputs: [, weight] }, _known, block) {
        const plan = planConvolution(weight!.shape, block);
        return plan && { ...plan, inputs: [...plan.inputs, CANONICAL] };
      },
      emit: (writer, inputs, { inputs: [, weight], attributes }) =>
        writer.blocked("Conv", inputs, {
          ...convAttributes(weight!.shape, attributes),
          ...(attributes.relu ? { activation: "Relu" } : {}),
        }),
    },
  },
  multiplyAdds: ({ inputs: [, weight], shape }) => convolutionMultiplyAdds(shape, weight!.shape),
  reference([x, weight, bias], { shape, attributes }) {
    const y = referenceConvolution(x!, weight!, shape, attributes);
    const [, channels, height, width] = [...shape] as [number, number, number, number];
    return y.map((element, i) => {
      const biased = element + bias!.data[Math.floor(i / (height * width)) % channels]!;
      return attributes.relu ? Math.max(biased, 0) : biased;
    });
  },
};

export function fusedConv2d(x: Value, weight: Value, bias: Value, attributes: FusedConvolutionAttributes): Value {
  return apply(fusedConv2dOp, [x, weight, bias], attributes);
}
