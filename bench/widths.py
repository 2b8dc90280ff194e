"""The networks of widths.js in PyTorch: for each line read (kind, channels, batch) the milliseconds of processor time of a step."""

import sys
import time

import torch
from torch import nn

torch.set_num_threads(1)
SIZE, STEPS = 16, 3


def convolution(inputs, width):
    return [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]


def separable(width):
    depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
    return [depthwise, nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]


def network(kind, width):
    blocks = [separable(width) if kind == "separable" else convolution(width, width) for _ in range(3)]
    layers = convolution(3, width) + [layer for block in blocks for layer in block]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


def stepper(kind, width, batch):
    model = network(kind, width)
    optimizer = torch.optim.Adam(model.parameters())
    images, labels = torch.rand(batch, 3, SIZE, SIZE), torch.randint(0, 10, (batch,))

    def step():
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


steppers = {}
print(torch.__version__, flush=True)
for line in sys.stdin:
    kind, width, batch = line.split()
    if line not in steppers:
        steppers[line] = stepper(kind, int(width), int(batch))
        steppers[line]()
    began = time.process_time()
    for _ in range(STEPS):
        steppers[line]()
    print((time.process_time() - began) / STEPS * 1000, flush=True)
