"""First gradients and logits of ResNet-18 for small images (docs: test/golden/README.md).

    python3 test/golden/resnet18.py > test/golden/resnet18.json

The published network (He et al. 2016, as in torchvision: two basic blocks in each of four stages, widths 64 to 512), with
a 3x3 stem of stride 2 instead of the 7x7 one and no max pool after it. Weights, images and labels come from inputs.py.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

import inputs
import networks
from emit import emit


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        if stride > 1 or inputs != outputs:
            self.shortcut_conv1 = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut_bn1 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.shortcut_bn1(self.shortcut_conv1(x)) if hasattr(self, "shortcut_conv1") else x))


class ResNet18(nn.Module):
    def __init__(self, pool):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        widths = [64, 64, 64, 128, 128, 256, 256, 512, 512]
        for i in range(1, 9):
            self.add_module(f"block{i}", BasicBlock(widths[i - 1], widths[i], 2 if i in (3, 5, 7) else 1))
        self.fc1 = nn.Linear(512, 10)

    def forward(self, x, mask):
        x = F.relu(self.bn1(self.conv1(x)))
        for i in range(1, 9):
            x = self.get_submodule(f"block{i}")(x)
        return self.fc1(x.mean(dim=(2, 3)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    _, _, _, gradients = networks.first_gradients(ResNet18, None)
    model = networks.make(ResNet18, None, torch.float64).eval()
    with torch.no_grad():
        evaluated = model(networks.batch(0, torch.float64)[0][: networks.EVALUATED_IMAGES], None)
    emit(
        {
            "parameterCount": sum(parameter.numel() for parameter in model.parameters()),
            "parameters": networks.parameter_specs(model),
            "gradients": networks.fingerprints(gradients, inputs.PROJECTION_TAG),
            "evaluationLogits": evaluated.tolist(),
        }
    )
