"""Training speed of the study's two networks in PyTorch, for bench/against-pytorch.js.

    python3 bench/pytorch_train.py MODEL THREADS STEPS BATCH FOLDER

MODEL is base or enhanced; FOLDER holds Fashion-MNIST's gzip files. Prints one JSON object a memory layout (PyTorch's
default and channels_last): images a second over STEPS steps of Adam after 5 to warm up, and the first and last loss.
Wants Debian's python3-torch and libopenblas0-pthread.
"""
import gzip
import json
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

MEAN, DEVIATION = 0.2860, 0.3530
WARM_UP_STEPS = 5


def read_idx(path, header_bytes):
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), dtype=np.uint8, offset=header_bytes)


def conv_bn_relu(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def base():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
    )


def enhanced():
    return nn.Sequential(
        *conv_bn_relu(1, 32), *conv_bn_relu(32, 32), nn.MaxPool2d(2),
        *conv_bn_relu(32, 64), *conv_bn_relu(64, 64), nn.MaxPool2d(2),
        *conv_bn_relu(64, 128), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1152, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 10),
    )


def measure(model, images, labels, steps, batch, layout):
    model = model.to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    losses = []

    def step(i):
        at = (i * batch) % (len(labels) - batch)
        x = images[at:at + batch].to(memory_format=layout)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels[at:at + batch])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    for i in range(WARM_UP_STEPS):
        step(i)
    start = time.perf_counter()
    for i in range(steps):
        step(WARM_UP_STEPS + i)
    seconds = time.perf_counter() - start
    return {"imagesPerSecond": steps * batch / seconds, "firstLoss": losses[0], "lastLoss": losses[-1]}


def main():
    name, threads, steps, batch, folder = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
    # Debian's PyTorch takes whatever BLAS is installed when it starts; reference BLAS would make it slower than it is.
    with open("/proc/self/maps") as maps:
        if "openblas" not in maps.read():
            sys.exit("this PyTorch runs on reference BLAS: install libopenblas0-pthread for a fair comparison")
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    pixels = read_idx(f"{folder}/train-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    images = (torch.tensor(pixels).float() / 255 - MEAN) / DEVIATION
    labels = torch.tensor(read_idx(f"{folder}/train-labels-idx1-ubyte.gz", 8).astype(np.int64))
    for layout_name, layout in (("contiguous", torch.contiguous_format), ("channels_last", torch.channels_last)):
        result = measure({"base": base, "enhanced": enhanced}[name](), images, labels, steps, batch, layout)
        print(json.dumps({"model": name, "layout": layout_name, "torch": torch.__version__, **result}), flush=True)


main()
