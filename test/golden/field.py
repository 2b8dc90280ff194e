"""The networks of src/models/field in PyTorch, from torchvision where it has them, otherwise as modules written after timm's
sources, and their logits and gradients in float64.

    python3 field.py NAME CLASSES WEIGHTS.safetensors INPUT.safetensors

INPUT has `pixels` [N, 3, H, W], 0 to 255, and `labels` [N]. Prints JSON: the logits in inference, and of a training step
without dropout and stochastic depth the loss, and each gradient's norm and its projection on cos(1 + position).
"""

import json
import math
import struct
import sys

import torch
import torch.nn.functional as F
import torchvision
from torch import nn


class LayerNorm2d(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Mlp(nn.Module):
    def __init__(self, inputs, hidden, dense=nn.Linear):
        super().__init__()
        self.fc1, self.fc2 = dense(inputs, hidden), dense(hidden, inputs)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class ConvNeXtBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))
        self.conv_dw = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = LayerNorm2d(width, eps=1e-6)
        self.mlp = Mlp(width, 4 * width, lambda a, b: nn.Conv2d(a, b, 1))

    def forward(self, x):
        return x + self.mlp(self.norm(self.conv_dw(x))) * self.gamma.view(1, -1, 1, 1)


class ConvNeXt(nn.Module):
    def __init__(self, classes, depths=(2, 2, 6, 2), widths=(40, 80, 160, 320)):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), LayerNorm2d(widths[0], eps=1e-6))
        self.stages = nn.Sequential()
        for i, (depth, width) in enumerate(zip(depths, widths)):
            stage = nn.Sequential()
            if i > 0:
                smaller = [LayerNorm2d(widths[i - 1], eps=1e-6), nn.Conv2d(widths[i - 1], width, 2, 2)]
                stage.add_module("downsample", nn.Sequential(*smaller))
            stage.add_module("blocks", nn.Sequential(*[ConvNeXtBlock(width) for _ in range(depth)]))
            self.stages.add_module(str(i), stage)
        self.head = nn.Module()
        self.head.norm = LayerNorm2d(widths[-1], eps=1e-6)
        self.head.fc = nn.Linear(widths[-1], classes)

    def forward(self, x):
        x = self.stages(self.stem(x)).mean((2, 3), keepdim=True)
        return self.head.fc(torch.flatten(self.head.norm(x), 1))


class Attention(nn.Module):
    def __init__(self, features, heads):
        super().__init__()
        self.qkv, self.proj, self.heads = nn.Linear(features, 3 * features), nn.Linear(features, features), heads

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1) / math.sqrt(d // self.heads)).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(n, t, d))


class ViTBlock(nn.Module):
    def __init__(self, features, heads):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(features, eps=1e-6), Attention(features, heads)
        self.norm2, self.mlp = nn.LayerNorm(features, eps=1e-6), Mlp(features, 4 * features)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    def __init__(self, classes, patches, features=192, depth=12, heads=3):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, features))
        self.pos_embed = nn.Parameter(torch.zeros(1, patches + 1, features))
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, features, 16, 16)
        self.blocks = nn.Sequential(*[ViTBlock(features, heads) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(features, eps=1e-6), nn.Linear(features, classes)

    def forward(self, x):
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


class MixerBlock(nn.Module):
    def __init__(self, patches, features, tokens, channels):
        super().__init__()
        self.norm1, self.mlp_tokens = nn.LayerNorm(features, eps=1e-6), Mlp(patches, tokens)
        self.norm2, self.mlp_channels = nn.LayerNorm(features, eps=1e-6), Mlp(features, channels)

    def forward(self, x):
        x = x + self.mlp_tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.mlp_channels(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self, classes, patches, features, depth, tokens, channels):
        super().__init__()
        self.stem = nn.Module()
        self.stem.proj = nn.Conv2d(3, features, 16, 16)
        self.blocks = nn.Sequential(*[MixerBlock(patches, features, tokens, channels) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(features, eps=1e-6), nn.Linear(features, classes)

    def forward(self, x):
        x = self.stem.proj(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.blocks(x)).mean(1))


def network(name, classes, patches):
    ours = {
        "convnext_atto": lambda: ConvNeXt(classes),
        "vit_tiny_patch16_224": lambda: ViT(classes, patches),
        "mixer_s16_224": lambda: Mixer(classes, patches, 512, 8, 256, 2048),
        "mixer_b16_224": lambda: Mixer(classes, patches, 768, 12, 384, 3072),
        # timm's has PyTorch's batch norm.
        "mobilenetv3_small_100": lambda: torchvision.models.mobilenet_v3_small(
            num_classes=classes, norm_layer=nn.BatchNorm2d
        ),
    }
    if name in ours:
        return ours[name]()
    return torchvision.models.get_model(name.replace("-imagenet", ""), num_classes=classes)


def read_safetensors(path):
    content = bytearray(open(path, "rb").read())
    start = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":  # a batch norm's count of batches
            continue
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(content, dtype=torch.float32, offset=start + begin, count=(end - begin) // 4)
        tensors[name] = values.reshape(entry["shape"]).double()
    return tensors


if __name__ == "__main__":
    name, classes, weights, path = sys.argv[1:]
    given = read_safetensors(path)
    pixels, labels = given["pixels"] / 255, given["labels"].long()
    patches = (pixels.shape[2] // 16) * (pixels.shape[3] // 16)
    net = network(name, int(classes), patches).double()
    state = read_safetensors(weights)
    missing, unexpected = net.load_state_dict(state, strict=False)
    missing = [one for one in missing if not one.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise SystemExit(f"{name}: missing {missing}, unexpected {unexpected}")
    net.eval()
    with torch.no_grad():
        logits = net(pixels)
    net.train()
    for module in net.modules():
        if isinstance(module, (nn.Dropout, torchvision.ops.StochasticDepth)):
            module.p = 0
    loss = F.cross_entropy(net(pixels), labels)
    loss.backward()
    gradients = {}
    for key, parameter in net.named_parameters():
        flat = parameter.grad.flatten()
        directions = torch.cos(1 + torch.arange(len(flat), dtype=torch.float64))
        gradients[key] = [flat.norm().item(), (flat @ directions).item()]
    print(json.dumps({"logits": logits.tolist(), "loss": loss.item(), "gradients": gradients}))
