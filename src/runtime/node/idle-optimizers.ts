/**
 * ONNX Runtime's graph optimisations that find nothing in a program of ours: each looks for operators that no lowering
 * writes. Looking costs all the same: before each, ONNX Runtime 1.30 sorts the whole graph anew and counts through a list of
 * all nodes that could run next whenever one joins it, which takes time with the square of the network's depth. Without them
 * a training step is optimised into the same graph, to the byte (`test/runtime/idle-optimizers.test.ts`).
 */
const IDLE_OPTIMIZERS = {
  quantization: [
    "DoubleQDQPairsRemover",
    "DynamicQuantizeMatMulFusion",
    "EnsureUniqueDQForNodeUnit",
    "MatMulIntegerToFloatFusion",
    "MatMulNBitsFusion",
    "QDQFinalCleanupTransformer",
    "QDQPropagationTransformer",
    "QDQS8ToU8Transformer",
    "QDQSelectorActionTransformer",
    "WeightBiasQuantization",
    "WhereDummyDq",
  ],
  attention: [
    "AttentionFusion",
    "EmbedLayerNormFusion",
    "GroupQueryAttentionFusion",
    "GroupQueryAttentionPreNormFusion",
  ],
  /** By Erf, Tanh or Gelu. */
  gelu: ["BiasGeluFusion", "FastGeluFusion", "GeluFusionL1", "GeluFusionL2"],
  /** By ReduceMean or LayerNormalization. */
  layerNorm: [
    "BiasSkipLayerNormFusion",
    "LayerNormFusionL1",
    "LayerNormFusionL2",
    "SimplifiedLayerNormFusion",
    "SkipLayerNormFusion",
  ],
  /** By ONNX's Dropout; ours is a product with a mask. */
  dropout: ["BiasDropoutFusion"],
  /** Sizes are all known, but for the steps of a run, and no session option says how many these are. */
  dimensions: ["FreeDimensionOverrideTransformer"],
} as const;

/** As session options take them. */
export const WITHOUT_IDLE_OPTIMIZERS = {
  optimization: { disable_specified_optimizers: Object.values(IDLE_OPTIMIZERS).flat().join(";") },
} as const;
