"""What torch.optim makes of one parameter of 7 values over 6 steps with given gradients and learning rates, float64.

    python3 test/golden/optimizers.py > test/golden/optimizers.json

PyTorch 1.13.1 (Debian: python3-torch). The learning rate changes at every step, because that is where formulations of
momentum differ: PyTorch keeps buffer = momentum * buffer + gradient and scales by the rate only afterwards.
"""

import torch

import inputs
from emit import emit

COUNT = 7
LEARNING_RATES = [0.1, 0.05, 0.2, 0.02, 0.1, 0.01]

PARAMETER = inputs.spec("parameter", [COUNT], inputs.OPTIMIZER_TAG)
GRADIENTS = [
    inputs.spec("gradient", [COUNT], inputs.OPTIMIZER_TAG + 1 + step, 0.5) for step in range(len(LEARNING_RATES))
]

CASES = [
    ("sgd", "sgd", {}),
    ("sgd, momentum", "sgd", {"momentum": 0.9}),
    ("sgd, nesterov", "sgd", {"momentum": 0.9, "nesterov": True}),
    ("sgd, momentum, weight decay", "sgd", {"momentum": 0.9, "weightDecay": 5e-4}),
    ("sgd, nesterov, weight decay", "sgd", {"momentum": 0.9, "nesterov": True, "weightDecay": 5e-4}),
    ("adam", "adam", {}),
    ("adam, weight decay in the gradient", "adam", {"weightDecay": 1e-2}),
    ("adam, other betas and eps", "adam", {"betas": [0.8, 0.95], "eps": 1e-3}),
    ("adamw", "adamw", {"weightDecay": 0.05}),
]

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
PYTORCH_NAMES = {"weightDecay": "weight_decay"}


def trajectory(optimizer, options):
    """The parameter after each step."""
    parameter = torch.nn.Parameter(torch.from_numpy(inputs.build(PARAMETER)))
    keywords = {PYTORCH_NAMES.get(name, name): value for name, value in options.items()}
    stepper = OPTIMIZERS[optimizer]([parameter], lr=LEARNING_RATES[0], **keywords)
    after = []
    for rate, gradient in zip(LEARNING_RATES, GRADIENTS):
        stepper.param_groups[0]["lr"] = rate
        parameter.grad = torch.from_numpy(inputs.build(gradient))
        stepper.step()
        after.append(parameter.tolist())
    return after


if __name__ == "__main__":
    emit(
        {
            "learningRates": LEARNING_RATES,
            "parameter": PARAMETER,
            "gradients": GRADIENTS,
            "cases": [
                {"name": name, "optimizer": optimizer, "options": options, "after": trajectory(optimizer, options)}
                for name, optimizer, options in CASES
            ],
        }
    )
