import type { Model } from "../../nn/index.ts";
import { densenet121, squeezenet11 } from "./densenet.ts";
import { efficientnetB0, mobilenetV2, mobilenetV3Small, mobilenetV3Small100 } from "./mobilenet.ts";
import { resnet18Imagenet, resnet34, resnet50 } from "./resnet.ts";
import { convnextAtto, mixerB16, mixerS16, vitTiny } from "./tokens.ts";

/** Networks of torchvision and timm, with the names of their tensors: their weights can be imported as they are. */
export const FIELD_MODELS: readonly Model[] = [
  resnet18Imagenet,
  resnet34,
  resnet50,
  mobilenetV2,
  mobilenetV3Small,
  mobilenetV3Small100,
  efficientnetB0,
  densenet121,
  squeezenet11,
  convnextAtto,
  vitTiny,
  mixerS16,
  mixerB16,
];
