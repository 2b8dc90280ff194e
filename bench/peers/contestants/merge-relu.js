/** A list of layers where each ReLU became a mark of the layer before it: one pass over the images instead of two. */
export function mergeRelu(layers) {
  const merged = [];
  for (const layer of layers) {
    if (layer.kind === "relu") merged[merged.length - 1] = { ...merged.at(-1), hasRelu: true };
    else merged.push(layer);
  }
  return merged;
}
