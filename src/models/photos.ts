import { dropout, flatten, globalAveragePool, linear, type Model, relu } from "../nn/index.ts";
import { basicBlock, convolution } from "./resnet18.ts";

/** Channels of the four stages; the stem and each stage but the first halve height and width. */
const STAGE_WIDTHS = [32, 64, 128, 256];

/**
 * A residual network for photos: ResNet (He et al. 2016) of half width with one basic block per stage. Global average
 * pooling makes its size independent of the images', which may be of any size and need not be square. 1.23 million
 * parameters; 144 million multiply-adds for a colour image of 96x96.
 */
export const photos: Model = {
  name: "photos",
  maxDefaultSize: 96,
  layers: ({ classes }) => [
    ...convolution(STAGE_WIDTHS[0]!, 2),
    relu(),
    ...STAGE_WIDTHS.flatMap((width, stage) => basicBlock(width, stage === 0 ? 1 : 2)),
    globalAveragePool(),
    flatten(),
    dropout(0.2),
    linear(classes),
  ],
};
