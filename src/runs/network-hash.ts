import { createHash } from "node:crypto";
import type { ImageTask, Model } from "../nn/model.ts";
import { networkText } from "../nn/network-text.ts";

/**
 * One fingerprint for what a model computes: SHA-256 of `networkText`.
 *
 * @returns 64 lower-case hexadecimal digits
 * @throws ShapeError when the layers do not fit each other or the images
 */
export function networkSha256(model: Model, task: ImageTask): string {
  return createHash("sha256").update(networkText(model, task)).digest("hex");
}
