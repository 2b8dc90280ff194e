"""Gradients, ten training losses and evaluation logits of the two networks of the study (docs: test/golden/README.md).

    python3 test/golden/networks.py > test/golden/networks.json

PyTorch 1.13.1 (Debian: python3-torch), about ten seconds on one core. The network definitions below are the
specification that the TypeScript networks must meet; weights, images, labels and dropout masks come from inputs.py.
"""

import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import inputs
from emit import emit

STEPS = inputs.BATCHES
LEARNING_RATE = 1e-3
SMOOTHING = 0.1
EVALUATED_IMAGES = 4


def shared_max_pool(x):
    """2x2 max pooling whose tied maxima share the gradient equally (the gradient rule of torch.amax)."""
    n, c, h, w = x.shape
    whole = x[:, :, : h // 2 * 2, : w // 2 * 2]  # an odd last row or column belongs to no window
    return whole.reshape(n, c, h // 2, 2, w // 2, 2).amax(dim=(3, 5))


def first_max_pool(x):
    """2x2 max pooling that gives the gradient to the first of tied maxima, in row-major order: nn.MaxPool2d."""
    return F.max_pool2d(x, 2)


def check_tie_rules():
    """Three of four values tie: shared gives each a third of the upstream gradient 6, first gives all to one."""
    for pool, expected in ((shared_max_pool, [[2.0, 0.0], [2.0, 2.0]]), (first_max_pool, [[6.0, 0.0], [0.0, 0.0]])):
        x = torch.tensor([[[[5.0, 1.0], [5.0, 5.0]]]], dtype=torch.float64, requires_grad=True)
        (6 * pool(x)).sum().backward()
        assert x.grad[0, 0].tolist() == expected, (pool.__name__, x.grad)


class Base(nn.Module):
    def __init__(self, pool):
        super().__init__()
        self.pool = pool
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.fc1 = nn.Linear(3136, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x, mask):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class Enhanced(nn.Module):
    def __init__(self, pool):
        super().__init__()
        self.pool = pool
        widths = [1, 32, 32, 64, 64, 128]
        for i in range(1, 6):
            self.add_module(f"conv{i}", nn.Conv2d(widths[i - 1], widths[i], 3, padding=1, bias=False))
            self.add_module(f"bn{i}", nn.BatchNorm2d(widths[i]))
        self.fc1 = nn.Linear(1152, 256, bias=False)
        self.bn6 = nn.BatchNorm1d(256)
        self.fc2 = nn.Linear(256, 10)

    def forward(self, x, mask):
        """`mask` [N, 256] of 0 and 1 drops units while training; None: nothing is dropped."""
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.pool(F.relu(self.bn2(self.conv2(x))))
        x = F.relu(self.bn3(self.conv3(x)))
        x = self.pool(F.relu(self.bn4(self.conv4(x))))
        x = self.pool(F.relu(self.bn5(self.conv5(x))))
        x = F.relu(self.bn6(self.fc1(x.flatten(1))))
        return self.fc2(x if mask is None else x * mask / (1 - inputs.DROPOUT_RATE))


def parameter_specs(model):
    """How each parameter starts, in the order of named_parameters; the tag is its position."""
    specs = []
    for tag, (name, parameter) in enumerate(model.named_parameters()):
        layer = model.get_submodule(name.rpartition(".")[0])
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            scale, offset = 0.1, 1.0 if name.endswith("weight") else 0.0
        else:
            scale, offset = float(1 / np.sqrt(layer.weight[0].numel())), 0.0  # 1 / sqrt(fan in)
        specs.append(inputs.spec(name, parameter.shape, tag, scale, offset))
    return specs


def statistics(model):
    return [(name, value) for name, value in model.named_buffers() if not name.endswith("num_batches_tracked")]


def make(network, pool, dtype):
    model = network(pool)
    with torch.no_grad():
        for described, parameter in zip(parameter_specs(model), model.parameters()):
            parameter.copy_(torch.from_numpy(inputs.build(described)))
    return model.to(dtype)


def batch(step, dtype):
    """(images [32, 1, 28, 28], labels [32], mask [32, 256]) of a step."""
    pixels, labels = inputs.image_batch(step)
    mask = inputs.dropout_mask(step, [inputs.BATCH_SIZE, 256])
    images = torch.from_numpy(inputs.normalised(pixels)).to(dtype)
    return images, torch.from_numpy(labels), torch.from_numpy(mask).to(dtype)


def fingerprint(name, tensor, tag, **more):
    values = tensor.detach().double().numpy()
    return {"name": name, "norm": inputs.norm(values), "projection": inputs.project(values, tag), **more}


def fingerprints(named, first_tag):
    return [fingerprint(name, value, first_tag + position) for position, (name, value) in enumerate(named)]


def first_gradients(network, pool):
    """Loss, logits and gradients of batch 0 with the initial weights, in training mode, float64."""
    model = make(network, pool, torch.float64)
    images, labels, mask = batch(0, torch.float64)
    logits = model(images, mask)
    loss = F.cross_entropy(logits, labels, label_smoothing=SMOOTHING)
    loss.backward()
    named = [(name, parameter.grad) for name, parameter in model.named_parameters()]
    return loss.item(), logits.detach(), labels, named


def first_step(network):
    loss, logits, labels, shared = first_gradients(network, shared_max_pool)
    _, _, _, first = first_gradients(network, first_max_pool)
    apart = max(((a - b).norm() / a.norm()).item() for (_, a), (_, b) in zip(shared, first))
    print(f"  largest |shared - first| / |shared| of a gradient: {apart:.1e}", file=sys.stderr)
    described = []
    for position, (name, gradient) in enumerate(shared):
        values = gradient.numpy().ravel()
        lists = {"sum": float(values.sum()), "first": values[:8].tolist(), "strided": inputs.strided(values).tolist()}
        described.append(fingerprint(name, gradient, inputs.PROJECTION_TAG + position, **lists))
    return {
        "loss": loss,
        "unsmoothedLoss": F.cross_entropy(logits, labels).item(),
        "correct": int((logits.argmax(1) == labels).sum()),
        "gradients": {"shared": described, "first": fingerprints(first, inputs.PROJECTION_TAG)},
    }


def training(network, dtype):
    """Ten steps of Adam, one batch each, with shared ties; then what is left of it."""
    model = make(network, shared_max_pool, dtype)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)

    def number(value):  # float32 numbers are written with the digits float32 has
        return np.float32(value) if dtype is torch.float32 else value

    losses = []
    for step in range(STEPS):
        images, labels, mask = batch(step, dtype)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images, mask), labels, label_smoothing=SMOOTHING)
        loss.backward()
        optimizer.step()
        losses.append(number(loss.item()))

    model.eval()
    with torch.no_grad():
        logits = model(batch(0, dtype)[0][:EVALUATED_IMAGES], None)
    described = [
        fingerprint(name, value, inputs.STATISTIC_PROJECTION_TAG + i, first=[number(v) for v in value[:4].tolist()])
        for i, (name, value) in enumerate(statistics(model))
    ]
    return {
        "losses": losses,
        "parameters": fingerprints(model.named_parameters(), inputs.PROJECTION_TAG),
        "statistics": described,
        "evaluationLogits": [[number(v) for v in row] for row in logits.tolist()],
    }


def golden(name, network):
    print(name, file=sys.stderr)
    model = make(network, shared_max_pool, torch.float64)
    return {
        "name": name,
        "parameterCount": sum(parameter.numel() for parameter in model.parameters()),
        "parameters": parameter_specs(model),
        "statistics": [
            {"name": name, "shape": list(value.shape), "initial": int(name.endswith("var"))}
            for name, value in statistics(model)
        ],
        "initial": fingerprints(model.named_parameters(), inputs.PROJECTION_TAG),
        "firstStep": first_step(network),
        "training": {"float64": training(network, torch.float64), "float32": training(network, torch.float32)},
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    check_tie_rules()
    emit(
        {
            "steps": STEPS,
            "learningRate": LEARNING_RATE,
            "labelSmoothing": SMOOTHING,
            "dropoutRate": inputs.DROPOUT_RATE,
            "projectionTag": inputs.PROJECTION_TAG,
            "statisticProjectionTag": inputs.STATISTIC_PROJECTION_TAG,
            "networks": [golden("base", Base), golden("enhanced", Enhanced)],
        }
    )
