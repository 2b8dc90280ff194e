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

/** Also those of the ablation only: needed to load its runs by name. */
const BUILT_IN: readonly Model[] = [...MODELS, baseBatchNorm, baseDropout, enhancedPlain];

/** Whether `findModel` finds a model of this name. */
export function isBuiltInModel(name: string): boolean {
  return BUILT_IN.some((model) => model.name === name);
}

/** @throws UserError that lists the models when there is none with this name */
export function findModel(name: string): Model {
  const model = BUILT_IN.find((candidate) => candidate.name === name);
  if (!model) {
    throw new UserError(`there is no model "${name}"; choose one of: ${MODELS.map((m) => m.name).join(", ")}`, {
      exitCode: 2,
    });
  }
  return model;
}
