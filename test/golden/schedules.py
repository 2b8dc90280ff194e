"""The learning rate that torch.optim.lr_scheduler gives to each of 20 steps, float64.

    python3 test/golden/schedules.py > test/golden/schedules.json

PyTorch 1.13.1 (Debian: python3-torch). Step 0 is the first; learningRates[t] is the rate step t is made with. PyTorch
computes some of these recursively, so the last digits differ from a closed form: compare to 1e-15, absolute (relative
is too strict for the tiny last rate of one cycle). The deprecation warning comes from inside SequentialLR.
"""

import torch
from torch.optim import lr_scheduler

from emit import emit

STEPS = 20
BASE = 0.1
LOWEST = 0.001
WARM_UP = {"startFactor": 0.1, "steps": 5}


def warm_up(optimizer):
    return lr_scheduler.LinearLR(optimizer, start_factor=WARM_UP["startFactor"], total_iters=WARM_UP["steps"])


def one_cycle(anneal):
    def make(optimizer):
        return lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=BASE,
            total_steps=STEPS,
            pct_start=0.3,
            anneal_strategy=anneal,
            cycle_momentum=False,
            div_factor=25,
            final_div_factor=1e4,
        )

    return make


def warm_up_then_cosine(optimizer):
    start = WARM_UP["steps"]
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, T_max=STEPS - start, eta_min=LOWEST)
    return lr_scheduler.SequentialLR(optimizer, [warm_up(optimizer), cosine], milestones=[start])


ONE_CYCLE = {"maxLearningRate": BASE, "totalSteps": STEPS, "pctStart": 0.3, "divFactor": 25, "finalDivFactor": 1e4}

CASES = [
    (
        "step",
        {"learningRate": BASE, "stepSize": 6, "gamma": 0.5},
        lambda optimizer: lr_scheduler.StepLR(optimizer, step_size=6, gamma=0.5),
    ),
    (
        "cosine",
        {"learningRate": BASE, "totalSteps": STEPS, "minLearningRate": LOWEST},
        lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, T_max=STEPS, eta_min=LOWEST),
    ),
    ("oneCycle", {**ONE_CYCLE, "anneal": "cos"}, one_cycle("cos")),
    ("oneCycle", {**ONE_CYCLE, "anneal": "linear"}, one_cycle("linear")),
    ("warmUp", {"learningRate": BASE, "warmUp": WARM_UP}, warm_up),
    (
        "warmUpCosine",
        {"learningRate": BASE, "warmUp": WARM_UP, "totalSteps": STEPS, "minLearningRate": LOWEST},
        warm_up_then_cosine,
    ),
]


def rates(make):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=BASE)
    scheduler = make(optimizer)
    used = []
    for step in range(STEPS):
        used.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if step < STEPS - 1:
            scheduler.step()
    return used


if __name__ == "__main__":
    emit(
        {
            "steps": STEPS,
            "cases": [
                {"schedule": schedule, "options": options, "learningRates": rates(make)}
                for schedule, options, make in CASES
            ],
        }
    )
