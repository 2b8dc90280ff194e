/**
 * ONNX Runtime's graph optimisations that have no effect on tailor's programs: each looks for operators that no
 * lowering writes. Yet they cost time: before each, ONNX Runtime 1.30 sorts the whole graph again and scans a list of
 * all ready nodes whenever one is added, which is quadratic in the network's depth. Without them a training step is
 * optimised into the same graph, byte for byte (`test/runtime/idle-optimizers.test.ts`).
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
  /** They look for Erf, Tanh or Gelu. */
  gelu: ["BiasGeluFusion", "FastGeluFusion", "GeluFusionL1", "GeluFusionL2"],
  /** They look for ReduceMean or LayerNormalization. */
  layerNorm: [
    "BiasSkipLayerNormFusion",
    "LayerNormFusionL1",
    "LayerNormFusionL2",
    "SimplifiedLayerNormFusion",
    "SkipLayerNormFusion",
  ],
  /** It looks for ONNX's Dropout; tailor's dropout is a product with a mask. */
  dropout: ["BiasDropoutFusion"],
  /** All sizes are known except the number of steps of a run, which no session option sets. */
  dimensions: ["FreeDimensionOverrideTransformer"],
} as const;

/** Session options that disable them. */
export const WITHOUT_IDLE_OPTIMIZERS = {
  optimization: { disable_specified_optimizers: Object.values(IDLE_OPTIMIZERS).flat().join(";") },
} as const;
