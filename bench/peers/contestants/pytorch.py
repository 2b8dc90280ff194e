"""PyTorch as a peer. Task and answer: see task.js. `config` as the task prints what PyTorch is made of.

Training: eager, in the faster of its two memory layouts. Inference: eager, or traced, frozen and optimised for inference
(batch norm folded), in either layout, whichever is fastest. Which one it was is in the answer's `form`.
"""
import json
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

WARM_UP_STEPS = 2
WARM_UP_SECONDS = {"train": 1.5, "infer": 0}
LEAST_STEPS = 4
PATIENCE = 2
PROBE_STEPS = 2
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


def build(layers):
    return nn.Sequential(*map(layer, layers))


def layer(spec):
    kind = spec["kind"]
    if kind == "conv":
        kernel = spec["kernel"]
        return nn.Conv2d(spec["inputs"], spec["outputs"], kernel, spec["stride"], kernel // 2, bias=spec["bias"])
    if kind == "norm":
        return (nn.BatchNorm2d if spec["axes"] == 4 else nn.BatchNorm1d)(spec["channels"])
    if kind == "dense":
        return nn.Linear(spec["inputs"], spec["outputs"], bias=spec["bias"])
    if kind == "residual":
        return Residual(build(spec["body"]), build(spec["shortcut"]))
    if kind == "dropout":
        return nn.Dropout(spec["rate"])
    return {"relu": nn.ReLU, "pool": lambda: nn.MaxPool2d(2), "average": lambda: nn.AdaptiveAvgPool2d(1),
            "flatten": nn.Flatten}[kind]()


class Data:
    """Bytes in memory; a batch is cut and normalised when it is used."""

    def __init__(self, task):
        folder, self.batch = task["data"], task["batch"]
        self.images = torch.from_numpy(np.fromfile(f"{folder}/images.u8", np.uint8)).reshape(-1, 1, 28, 28)
        self.labels = torch.from_numpy(np.fromfile(f"{folder}/labels.u8", np.uint8)).long()
        self.scale, self.shift = 1 / (255 * task["deviation"]), -task["mean"] / task["deviation"]

    def at(self, step, layout):
        start = step * self.batch % (len(self.labels) - self.batch + 1)
        pixels = self.images[start:start + self.batch].float().mul_(self.scale).add_(self.shift)
        return pixels.contiguous(memory_format=layout), self.labels[start:start + self.batch]


def training_step(task, data, layout):
    """A function of the step's number that trains on one batch and gives the loss."""
    torch.manual_seed(1)
    model = build(task["layers"]).to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), task["learningRate"])

    def step(i):
        x, labels = data.at(i, layout)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def inference_call(task, data, layout, is_frozen):
    """A function of the call's number that classifies one batch, the logits read back."""
    torch.manual_seed(1)
    model = build(task["layers"]).eval().to(memory_format=layout)
    if is_frozen:
        example = data.at(0, layout)[0]
        model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, example)))

    def call(i):
        with torch.inference_mode():
            model(data.at(i, layout)[0]).numpy()

    return call


def forms_of(task, data):
    """What PyTorch can be asked for, by name: functions that make the step or call."""
    if task["task"] == "train":
        return {name: lambda layout=layout: training_step(task, data, layout) for name, layout in LAYOUTS.items()}
    return {
        f"{'frozen' if is_frozen else 'eager'}, {name}":
            lambda layout=layout, is_frozen=is_frozen: inference_call(task, data, layout, is_frozen)
        for name, layout in LAYOUTS.items() for is_frozen in (False, True)
    }


def probe(make):
    """Seconds of the fastest of some steps."""
    step, seconds = make(), []
    for i in range(PROBE_STEPS):
        start = time.perf_counter()
        step(i)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(task, step):
    moments, losses = [], []
    while True:
        loss = step(len(moments))
        moments.append(time.perf_counter())
        if loss is not None:
            losses.append(loss)
        timed = moments[WARM_UP_STEPS - 1:]
        timed = [moment for moment in timed if moment - moments[0] >= WARM_UP_SECONDS[task["task"]]]
        elapsed = timed[-1] - timed[0] if len(timed) > 2 else 0
        if elapsed >= task["seconds"]:
            if len(timed) > LEAST_STEPS or elapsed >= PATIENCE * task["seconds"]:
                break
    steps = len(timed) - 1
    return {
        "steps": steps,
        "imagesPerSecond": steps * task["batch"] / (timed[-1] - timed[0]),
        "stepMilliseconds": [1000 * (b - a) for a, b in zip(timed, timed[1:])],
        "losses": losses,
    }


def status(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))


def refuse_reference_blas():
    """Debian's PyTorch takes whatever BLAS is installed when it starts; reference BLAS would make it slower than it is."""
    with open("/proc/self/maps") as maps:
        if "openblas" not in maps.read():
            sys.exit("this PyTorch runs on reference BLAS: apt-get install libopenblas0-pthread")


def main():
    refuse_reference_blas()
    if sys.argv[1] == "config":
        print(json.dumps({"version": torch.__version__, "config": torch.__config__.show(),
                          "parallel": torch.__config__.parallel_info()}))
        return
    task = json.loads(sys.argv[1])
    torch.set_num_threads(task["threads"])
    torch.set_num_interop_threads(1)
    data = Data(task)
    forms = forms_of(task, data)

    first = next(iter(forms.values()))()
    first(0)
    first_step_seconds = time.time() - task["spawnedAt"] / 1000
    del first
    form = min(forms, key=lambda name: probe(forms[name]))
    result = measure(task, forms[form]())
    print(json.dumps({
        **result,
        "form": form,
        "firstStepSeconds": first_step_seconds,
        "peakMemoryBytes": status("VmHWM"),
        "parameters": sum(parameter.numel() for parameter in build(task["layers"]).parameters()),
    }))


if __name__ == "__main__":
    main()
