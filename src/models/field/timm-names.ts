/** A block of timm's MobileNets and EfficientNets. */
interface TimmBlock {
  /** torchvision's name of its module: `features.2`. */
  readonly ours: string;
  /** Stage and block, as in timm's names: `1.0`. */
  readonly place: string;
  /** Whether a 1x1 convolution to more channels is in front. */
  readonly isExpanded: boolean;
  readonly isSqueezed?: boolean;
}

interface Networks {
  /** torchvision's name for what a block holds: `conv` in MobileNetV2, whose last convolution and norm are no module of their own. */
  readonly kind: "conv" | "block";
  readonly blocks: readonly TimmBlock[];
  /** timm's last convolution and its norm, and torchvision's name of both. */
  readonly last: { readonly convolution: string; readonly norm: string; readonly ours: string };
  /** timm's dense layers and torchvision's. */
  readonly classifier: Readonly<Record<string, string>>;
}

/** torchvision's name for each of timm's modules that hold tensors (timm's `_efficientnet_blocks.py`). */
export function timmNames({ kind, blocks, last, classifier }: Networks): Readonly<Record<string, string>> {
  return {
    conv_stem: "features.0.0",
    bn1: "features.0.1",
    ...Object.assign({}, ...blocks.map((block) => blockNames(kind, block))),
    [last.convolution]: `${last.ours}.0`,
    [last.norm]: `${last.ours}.1`,
    ...classifier,
  };
}

function blockNames(kind: Networks["kind"], { place, ours, isExpanded, isSqueezed = false }: TimmBlock) {
  const names: Record<string, string> = {};
  const [timm, torchvision] = [`blocks.${place}`, `${ours}.${kind}`];
  let [layer, norm] = [0, 1];
  const convolution = (name: string, isModule = true) => {
    names[`${timm}.${name}`] = isModule ? `${torchvision}.${layer}.0` : `${torchvision}.${layer}`;
    names[`${timm}.bn${norm++}`] = isModule ? `${torchvision}.${layer}.1` : `${torchvision}.${layer + 1}`;
    layer++;
  };
  if (isExpanded) convolution("conv_pw");
  convolution("conv_dw");
  if (isSqueezed) {
    names[`${timm}.se.conv_reduce`] = `${torchvision}.${layer}.fc1`;
    names[`${timm}.se.conv_expand`] = `${torchvision}.${layer}.fc2`;
    layer++;
  }
  convolution(isExpanded ? "conv_pwl" : "conv_pw", kind === "block");
  return names;
}
