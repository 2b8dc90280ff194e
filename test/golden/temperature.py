"""The temperature with the least cross-entropy, by scipy.optimize.minimize_scalar, for logits that the tests rebuild, and the
expected calibration error without and with it, by NumPy.

    python3 test/golden/temperature.py > test/golden/temperature.json

SciPy 1.10.1 (Debian: python3-scipy). A case's logits are scale * uniform(tag, i) plus `lift` at the label, rounded to
float32; the label of row r is r mod classes. The search stops at 1e-9 of the temperature or better.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from emit import emit
from inputs import uniform

CASES = [
    {"name": "under-confident", "tag": 9001, "rows": 120, "classes": 4, "scale": 1.0, "lift": 1.5},
    {"name": "over-confident", "tag": 9002, "rows": 80, "classes": 3, "scale": 12.0, "lift": 6.0},
    {"name": "many classes", "tag": 9003, "rows": 60, "classes": 20, "scale": 2.0, "lift": 2.5},
]


BINS = 15


def calibration_error(logits, labels, temperature):
    """Guo et al. 2017, equation 3: bins (m / 15, (m + 1) / 15] of the largest probability."""
    probabilities = softmax(logits / temperature, axis=1)
    confidence, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.digitize(confidence, np.linspace(0, 1, BINS + 1), right=True)
    error = 0.0
    for number in np.unique(bins):
        inside = bins == number
        error += inside.mean() * abs(is_right[inside].mean() - confidence[inside].mean())
    return float(error)


def case(spec):
    rows, classes = spec["rows"], spec["classes"]
    labels = np.arange(rows) % classes
    logits = (spec["scale"] * uniform(spec["tag"], np.arange(rows * classes))).reshape(rows, classes)
    logits[np.arange(rows), labels] += spec["lift"]
    logits = logits.astype(np.float32).astype(np.float64)

    def loss(log_temperature):
        return -log_softmax(logits / np.exp(log_temperature), axis=1)[np.arange(rows), labels].mean()

    found = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded", options={"xatol": 1e-12})
    temperature = float(np.exp(found.x))
    errors = [calibration_error(logits, labels, each) for each in (1, temperature)]
    return {**spec, "temperature": temperature, "loss": float(found.fun), "calibrationErrors": errors}


emit({"cases": [case(spec) for spec in CASES]})
