"""Logits and gradients, in float64, of networks exported as PyTorch modules.

    python3 random_networks.py FOLDER...

Each folder has `model.py` and `weights.safetensors` as `export --format pytorch` writes them, and `input.safetensors` with
`pixels` [N, C, H, W], 0 to 255, and `labels` [N]. Prints a line of JSON for each: the logits in inference, and the gradients
of a training step without dropout, in the order of the parameters.
"""

import json
import runpy
import sys

import torch
import torch.nn.functional as F

# Stochastic depth is written as a call of it.
F.dropout = lambda x, *_: x

for folder in sys.argv[1:]:
    module = runpy.run_path(f"{folder}/model.py")
    given = module["read_safetensors"](f"{folder}/input.safetensors")
    net = module["load"](f"{folder}/weights.safetensors").double()
    pixels, labels = given["pixels"].double(), given["labels"].long()
    pixels.float = lambda kept=pixels: kept
    with torch.no_grad():
        logits = net(pixels)
    net.train()
    for part in net.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0
    F.cross_entropy(net(pixels), labels).backward()
    gradients = {name: parameter.grad.flatten().tolist() for name, parameter in net.named_parameters()}
    print(json.dumps({"logits": logits.flatten().tolist(), "gradients": gradients}))
