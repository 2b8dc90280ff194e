"""The networks of src/models/field as PyTorch modules, written after torchvision's and timm's sources, and their logits and
gradients in float64.

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
from torch import nn


def conv_norm(inputs, outputs, kernel, stride=1, groups=1, act=None, **norm):
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, **norm),
    ]
    return nn.Sequential(*layers, *([act()] if act else []))


class ResNetBlock(nn.Module):
    def __init__(self, inputs, width, stride, bottleneck):
        super().__init__()
        outputs = width * 4 if bottleneck else width
        shapes = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        if not bottleneck:
            shapes = [(inputs, width, 3, stride), (width, width, 3, 1)]
        self.count = len(shapes)
        for i, (a, b, kernel, step) in enumerate(shapes, 1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, kernel, step, (kernel - 1) // 2, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(b))
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = x
        for i in range(1, self.count + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            if i < self.count:
                y = F.relu(y)
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, classes, blocks, bottleneck):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for i, count in enumerate(blocks):
            width, made = 64 * 2**i, []
            for j in range(count):
                made.append(ResNetBlock(inputs, width, 2 if i > 0 and j == 0 else 1, bottleneck))
                inputs = width * 4 if bottleneck else width
            setattr(self, f"layer{i + 1}", nn.Sequential(*made))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for i in range(1, 5):
            x = getattr(self, f"layer{i}")(x)
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        layers = [] if expansion == 1 else [conv_norm(inputs, hidden, 1, act=nn.ReLU6)]
        layers += [
            conv_norm(hidden, hidden, 3, stride, hidden, nn.ReLU6),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        self.conv = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNet(nn.Module):
    def __init__(self, features, classifier):
        super().__init__()
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(*classifier)

    def forward(self, x):
        return self.classifier(torch.flatten(F.adaptive_avg_pool2d(self.features(x), 1), 1))


def mobilenet_v2(classes):
    features, inputs = [conv_norm(3, 32, 3, 2, act=nn.ReLU6)], 32
    table = [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]]
    for expansion, outputs, count, stride in table:
        for i in range(count):
            features.append(InvertedResidual(inputs, outputs, stride if i == 0 else 1, expansion))
            inputs = outputs
    features.append(conv_norm(320, 1280, 1, act=nn.ReLU6))
    return MobileNet(features, [nn.Dropout(0.2), nn.Linear(1280, classes)])


class SqueezeExcitation(nn.Module):
    def __init__(self, channels, squeezed, act, gate):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)
        self.act, self.gate = act, gate

    def forward(self, x):
        return x * self.gate(self.fc2(self.act(self.fc1(x.mean((2, 3), keepdim=True)))))


class MBConv(nn.Module):
    def __init__(self, inputs, hidden, outputs, kernel, stride, act, squeeze, **norm):
        super().__init__()
        layers = [] if hidden == inputs else [conv_norm(inputs, hidden, 1, act=act, **norm)]
        layers.append(conv_norm(hidden, hidden, kernel, stride, hidden, act, **norm))
        if squeeze:
            layers.append(squeeze)
        layers.append(conv_norm(hidden, outputs, 1, **norm))
        self.block = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.block(x) if self.residual else self.block(x)


def efficientnet_b0(classes):
    features, inputs = [conv_norm(3, 32, 3, 2, act=nn.SiLU)], 32
    table = [
        [1, 3, 1, 16, 1],
        [6, 3, 2, 24, 2],
        [6, 5, 2, 40, 2],
        [6, 3, 2, 80, 3],
        [6, 5, 1, 112, 3],
        [6, 5, 2, 192, 4],
        [6, 3, 1, 320, 1],
    ]
    for expansion, kernel, stride, outputs, count in table:
        stage = []
        for i in range(count):
            hidden = inputs * expansion
            squeeze = SqueezeExcitation(hidden, max(1, inputs // 4), F.silu, torch.sigmoid)
            stage.append(MBConv(inputs, hidden, outputs, kernel, stride if i == 0 else 1, nn.SiLU, squeeze))
            inputs = outputs
        features.append(nn.Sequential(*stage))
    features.append(conv_norm(320, 1280, 1, act=nn.SiLU))
    return MobileNet(features, [nn.Dropout(0.2), nn.Linear(1280, classes)])


def divisible(value):
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


def mobilenet_v3_small(classes):
    norm = {"eps": 0.001, "momentum": 0.01}
    features, inputs = [conv_norm(3, 16, 3, 2, act=nn.Hardswish, **norm)], 16
    table = [
        [3, 16, 16, 1, "RE", 2],
        [3, 72, 24, 0, "RE", 2],
        [3, 88, 24, 0, "RE", 1],
        [5, 96, 40, 1, "HS", 2],
        [5, 240, 40, 1, "HS", 1],
        [5, 240, 40, 1, "HS", 1],
        [5, 120, 48, 1, "HS", 1],
        [5, 144, 48, 1, "HS", 1],
        [5, 288, 96, 1, "HS", 2],
        [5, 576, 96, 1, "HS", 1],
        [5, 576, 96, 1, "HS", 1],
    ]
    for kernel, hidden, outputs, squeezed, name, stride in table:
        squeeze = squeezed and SqueezeExcitation(hidden, divisible(hidden // 4), F.relu, F.hardsigmoid)
        act = nn.Hardswish if name == "HS" else nn.ReLU
        features.append(MBConv(inputs, hidden, outputs, kernel, stride, act, squeeze, **norm))
        inputs = outputs
    features.append(conv_norm(96, 576, 1, act=nn.Hardswish, **norm))
    return MobileNet(features, [nn.Linear(576, 1024), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(1024, classes)])


class DenseLayer(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, 128, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(128), nn.Conv2d(128, 32, 3, padding=1, bias=False)

    def forward(self, x):
        y = self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))
        return torch.cat([x, y], 1)


class DenseNet(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.features = nn.Sequential()
        self.features.add_module("conv0", nn.Conv2d(3, 64, 7, 2, 3, bias=False))
        self.features.add_module("norm0", nn.BatchNorm2d(64))
        self.features.add_module("relu0", nn.ReLU())
        self.features.add_module("pool0", nn.MaxPool2d(3, 2, 1))
        channels = 64
        for i, count in enumerate([6, 12, 24, 16], 1):
            dense = nn.Sequential()
            for j in range(1, count + 1):
                dense.add_module(f"denselayer{j}", DenseLayer(channels))
                channels += 32
            self.features.add_module(f"denseblock{i}", dense)
            if i < 4:
                transition = nn.Sequential()
                transition.add_module("norm", nn.BatchNorm2d(channels))
                transition.add_module("relu", nn.ReLU())
                transition.add_module("conv", nn.Conv2d(channels, channels // 2, 1, bias=False))
                transition.add_module("pool", nn.AvgPool2d(2, 2))
                self.features.add_module(f"transition{i}", transition)
                channels //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        return self.classifier(torch.flatten(F.adaptive_avg_pool2d(F.relu(self.features(x)), 1), 1))


class Fire(nn.Module):
    def __init__(self, inputs, squeezed, expanded):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    def __init__(self, classes):
        super().__init__()
        pool = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(), Fire(64, 16, 64), Fire(128, 16, 64), pool(), Fire(128, 32, 128),
            Fire(256, 32, 128), pool(), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2d(512, classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        )

    def forward(self, x):
        return torch.flatten(self.classifier(self.features(x)), 1)


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
    return {
        "resnet18-imagenet": lambda: ResNet(classes, [2, 2, 2, 2], False),
        "resnet34": lambda: ResNet(classes, [3, 4, 6, 3], False),
        "resnet50": lambda: ResNet(classes, [3, 4, 6, 3], True),
        "mobilenet_v2": lambda: mobilenet_v2(classes),
        "mobilenet_v3_small": lambda: mobilenet_v3_small(classes),
        "efficientnet_b0": lambda: efficientnet_b0(classes),
        "densenet121": lambda: DenseNet(classes),
        "squeezenet1_1": lambda: SqueezeNet(classes),
        "convnext_atto": lambda: ConvNeXt(classes),
        "vit_tiny_patch16_224": lambda: ViT(classes, patches),
        "mixer_s16_224": lambda: Mixer(classes, patches, 512, 8, 256, 2048),
        "mixer_b16_224": lambda: Mixer(classes, patches, 768, 12, 384, 3072),
    }[name]()


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
        if isinstance(module, nn.Dropout):
            module.p = 0
    loss = F.cross_entropy(net(pixels), labels)
    loss.backward()
    gradients = {}
    for key, parameter in net.named_parameters():
        flat = parameter.grad.flatten()
        directions = torch.cos(1 + torch.arange(len(flat), dtype=torch.float64))
        gradients[key] = [flat.norm().item(), (flat @ directions).item()]
    print(json.dumps({"logits": logits.tolist(), "loss": loss.item(), "gradients": gradients}))
