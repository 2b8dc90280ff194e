import { UserError } from "../errors.ts";
import type { Model } from "../nn/index.ts";
import { champion, sprint } from "./champion.ts";
import { FIELD_MODELS } from "./field/index.ts";
import { photos } from "./photos.ts";
import { resnet18, resnet18Kefth } from "./resnet18.ts";
import { base, baseBatchNorm, baseDropout, enhanced, enhancedPlain } from "./study.ts";
import { light, tiny } from "./tiny.ts";

/** The built-in networks. */
export const MODELS: readonly Model[] = [
  base,
  enhanced,
  photos,
  resnet18,
  resnet18Kefth,
  tiny,
  light,
  champion,
  sprint,
  ...FIELD_MODELS,
];

/** Networks of the ablation only: needed to load its runs by name. */
const ABLATED: readonly Model[] = [baseBatchNorm, baseDropout, enhancedPlain];

/** Whether a model of this name is built in. */
export function isBuiltIn(name: string): boolean {
  return [...MODELS, ...ABLATED].some((model) => model.name === name);
}

/** @throws UserError that lists the models when there is none with this name */
export function findModel(name: string): Model {
  const model = [...MODELS, ...ABLATED].find((candidate) => candidate.name === name);
  if (!model) {
    throw new UserError(`there is no model "${name}"; choose one of: ${MODELS.map((m) => m.name).join(", ")}`, {
      exitCode: 2,
    });
  }
  return model;
}
