"""PyTorch's CUDA beside tailor on the GPU: the networks of bench/peers, trained with Adam on batches that the processor
prepares as bytes and the GPU normalises; the loss is read every 16 steps, as tailor reads it.

The task comes as JSON in the first argument: tasks (network, batch, layers) and seconds to time each. A line of JSON a
result; the last is the whole answer.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers/contestants"))

import torch
from torch.nn import functional as F

from pytorch import LAYOUTS, build

STEPS_PER_READING = 16
WARM_UP_SECONDS = 0.4
PRECISIONS = {"float32": False, "tf32": True}


def measure(task, layout, seconds):
    torch.manual_seed(1)
    batch = task["batch"]
    images = torch.randint(0, 256, (batch * 8, 1, 28, 28), dtype=torch.uint8).pin_memory()
    labels = torch.randint(0, 10, (batch * 8,)).pin_memory()
    model = build(task["layers"]).cuda().to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)

    def steps():
        for i in range(STEPS_PER_READING):
            start = i % 8 * batch
            x = images[start:start + batch].cuda(non_blocking=True).float().div_(255).contiguous(memory_format=layout)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), labels[start:start + batch].cuda(non_blocking=True))
            loss.backward()
            optimizer.step()
        return loss.item()

    def run(limit):
        started, done = time.perf_counter(), 0
        while time.perf_counter() - started < limit:
            steps()
            done += STEPS_PER_READING
        return done / (time.perf_counter() - started)

    run(WARM_UP_SECONDS)
    return run(seconds) * batch


def main():
    task = json.loads(sys.argv[1])
    if not torch.cuda.is_available():
        sys.exit("PyTorch finds no CUDA")
    results = []
    for part in task["tasks"]:
        for precision, allowed in PRECISIONS.items():
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
            speeds = {name: measure(part, layout, task["seconds"] / 2) for name, layout in LAYOUTS.items()}
            form = max(speeds, key=speeds.get)
            results.append({"network": part["network"], "batch": part["batch"], "precision": precision, "layout": form,
                            "imagesPerSecond": speeds[form]})
            text = ", ".join(f"{r['network']} {r['batch']} {r['precision']} {r['imagesPerSecond']:,.0f}" for r in results)
            print(json.dumps({"version": torch.__version__, "device": torch.cuda.get_device_name(), "results": results,
                              "text": text}), flush=True)


main()
