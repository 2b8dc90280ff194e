import { createHash } from "node:crypto";
import { littleEndianBytes, type NamedTensor } from "../../formats/safetensors.ts";
import type { ImageTask, Model } from "../../nn/model.ts";
import { networkText } from "../../nn/network-text.ts";

/**
 * One fingerprint for all weights of a model: SHA-256 over the float32 bytes, little-endian and row-major, of the tensors
 * in the given order, which by convention is PyTorch's `state_dict` order. Names and shapes are not part of it, so
 * `hashlib.sha256(b"".join(t.numpy().tobytes() for t in model.state_dict().values()))` gives the same for float32 tensors.
 *
 * @returns 64 lower-case hexadecimal digits
 */
export function weightsSha256(tensors: readonly NamedTensor[]): string {
  const hash = createHash("sha256");
  for (const { data } of tensors) hash.update(littleEndianBytes(data));
  return hash.digest("hex");
}

/**
 * One fingerprint for what a model computes: SHA-256 of `networkText`.
 *
 * @returns 64 lower-case hexadecimal digits
 * @throws ShapeError when the layers do not fit each other or the images
 */
export function networkSha256(model: Model, task: ImageTask): string {
  return createHash("sha256").update(networkText(model, task)).digest("hex");
}
