"""Fine-tuning of field.py's resnet18-imagenet with torch.optim.SGD, in float64.

    python3 fine_tune.py write CLASSES OUT.safetensors
    python3 fine_tune.py train CLASSES WEIGHTS.safetensors BATCHES.safetensors SETTINGS

`write` saves a state_dict of random weights, with running statistics that are not those of a new network. BATCHES has `pixels`
[steps, N, 3, H, W], normalised, and `labels` [steps, N]. SETTINGS is JSON, a list of trainings: `learningRate`; `frozen`, the beginnings of names;
`frozenBatchNorm`; `rates`, a list of beginnings and factors; `headSteps`, in which only fc is trained, by an optimizer of
its own. Prints JSON: of each training the loss of each step, and sums of some tensors at the end.
"""

import json
import struct
import sys

import torch
import torch.nn.functional as F
from torch import nn

from field import network, read_safetensors

CHECKED = ["conv1.weight", "bn1.running_mean", "layer2.0.bn1.running_var", "layer4.1.conv2.weight", "fc.bias"]


def write(classes, path):
    net = network("resnet18-imagenet", classes, 0)
    # PyTorch's initial weights: with torchvision's larger ones float32 and float64 part within ten steps.
    torch.manual_seed(11)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.reset_parameters()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.3, 0.3)
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 1.5)
    header, data = {}, b""
    for name, tensor in net.state_dict().items():
        values = tensor.numpy().tobytes()
        kind = {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype]
        offsets = [len(data), len(data) + len(values)]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": offsets}
        data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)


def is_in(name, layers):
    return name == layers or name.startswith(layers + ".")


def train(classes, weights, batches, settings):
    net = network("resnet18-imagenet", classes, 0).double()
    missing, unexpected = net.load_state_dict(read_safetensors(weights), strict=False)
    if unexpected or any(not name.endswith("num_batches_tracked") for name in missing):
        raise SystemExit(f"missing {missing}, unexpected {unexpected}")
    net.train()
    if settings.get("frozenBatchNorm"):
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    given = read_safetensors(batches)

    def optimizer(head_only):
        groups = []
        for name, parameter in net.named_parameters():
            frozen = any(is_in(name, layers) for layers in settings.get("frozen", []))
            parameter.requires_grad = not frozen and (not head_only or is_in(name, "fc"))
            factors = [factor for layers, factor in settings.get("rates", []) if is_in(name, layers)]
            if parameter.requires_grad:
                rate = settings["learningRate"] * (1 if head_only or not factors else factors[0])
                groups.append({"params": [parameter], "lr": rate})
        return torch.optim.SGD(groups, lr=settings["learningRate"], momentum=0.9, weight_decay=1e-3)

    head_steps = settings.get("headSteps", 0)
    losses = []
    for step, (pixels, labels) in enumerate(zip(given["pixels"], given["labels"].long())):
        if step in (0, head_steps):
            stepper = optimizer(step < head_steps)
        loss = F.cross_entropy(net(pixels), labels)
        stepper.zero_grad()
        loss.backward()
        stepper.step()
        losses.append(loss.item())
    state = net.state_dict()
    return {"losses": losses, "sums": {name: state[name].sum().item() for name in CHECKED}}


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(int(sys.argv[2]), sys.argv[3])
    else:
        print(json.dumps([train(int(sys.argv[2]), *sys.argv[3:5], one) for one in json.loads(sys.argv[5])]))
