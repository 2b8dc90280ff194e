"""Muon's moves of single weights over 6 steps with given gradients and learning rates, float64.

    python3 test/golden/muon.py > test/golden/muon.json

PyTorch 1.13.1 (Debian: python3-torch) has no Muon yet, so this is the formula of PyTorch 2.9's documentation
(torch.optim.Muon, Nesterov momentum, adjust_lr_fn="match_rms_adamw"), by another way than the code under test: the
Newton-Schulz polynomial is applied to the singular values, never to the matrix. Vectors go through torch.optim.AdamW.
"""

import torch

import inputs
from emit import emit

LEARNING_RATES = [0.1, 0.05, 0.2, 0.02, 0.1, 0.01]
COEFFICIENTS = (3.4445, -4.775, 2.0315)
STEPS = 5
EPSILON = 1e-7
# Wide, tall, square, a filter, one row, a vector.
SHAPES = [[3, 5], [6, 2], [4, 4], [4, 2, 3, 3], [1, 6], [7]]
OPTIONS = [{}, {"momentum": 0.6}, {"weightDecay": 0.05}]


def orthogonal(matrix):
    u, singular, v = torch.linalg.svd(matrix, full_matrices=False)
    singular = singular / (torch.linalg.norm(matrix) + EPSILON)
    a, b, c = COEFFICIENTS
    for _ in range(STEPS):
        singular = a * singular + b * singular**3 + c * singular**5
    return u @ torch.diag(singular) @ v


def muon_trajectory(parameter, gradients, momentum=0.95, weightDecay=0.0):
    buffer = torch.zeros_like(parameter)
    after = []
    for rate, gradient in zip(LEARNING_RATES, gradients):
        buffer = momentum * buffer + gradient
        direction = (gradient + momentum * buffer).reshape(parameter.shape[0], -1)
        scale = 0.2 * max(direction.shape) ** 0.5
        move = orthogonal(direction).reshape(parameter.shape)
        parameter = parameter * (1 - rate * weightDecay) - rate * scale * move
        after.append(parameter.flatten().tolist())
    return after


def adamw_trajectory(parameter, gradients, momentum=None, weightDecay=0.0):
    parameter = torch.nn.Parameter(parameter)
    stepper = torch.optim.AdamW([parameter], lr=LEARNING_RATES[0], weight_decay=weightDecay)
    after = []
    for rate, gradient in zip(LEARNING_RATES, gradients):
        stepper.param_groups[0]["lr"] = rate
        parameter.grad = gradient
        stepper.step()
        after.append(parameter.tolist())
    return after


def case(number, shape, options):
    tag = inputs.MUON_TAG + 10 * number
    parameter = inputs.spec("parameter", shape, tag)
    gradients = [inputs.spec("gradient", shape, tag + 1 + step, 0.5) for step in range(len(LEARNING_RATES))]
    trajectory = muon_trajectory if len(shape) > 1 else adamw_trajectory
    after = trajectory(
        torch.from_numpy(inputs.build(parameter)),
        [torch.from_numpy(inputs.build(gradient)) for gradient in gradients],
        **options,
    )
    return {"options": options, "parameter": parameter, "gradients": gradients, "after": after}


if __name__ == "__main__":
    cases = [(shape, options) for shape in SHAPES for options in OPTIONS]
    emit(
        {
            "learningRates": LEARNING_RATES,
            "cases": [case(number, shape, options) for number, (shape, options) in enumerate(cases)],
        }
    )
