/** Replaces each ReLU by a flag of the preceding layer, which saves a pass over the images. */
export function mergeRelu(layers) {
  const merged = [];
  for (const layer of layers) {
    if (layer.kind === "relu") merged[merged.length - 1] = { ...merged.at(-1), hasRelu: true };
    else merged.push(layer);
  }
  return merged;
}
