"""What scikit-learn makes of the probabilities of 120 images in 7 classes: curves, areas, average precision, top 5.

    python3 test/golden/ranking.py > test/golden/ranking.json

scikit-learn 1.9.1. The probabilities are multiples of 1/64, so that many are equal; they do not sum to 1, which nothing
here depends on. Class 6 has no images. `roc_curve` is asked for all thresholds, as a curve without its intermediate
points has the same area. scikit-learn's precision and recall are listed here by increasing recall.
"""

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve, top_k_accuracy_score

import inputs
from emit import emit

IMAGES = 120
CLASSES = 7
# Class 6 has none.
LABELLED = 6
TAG = 8000
LEVELS = 64
TOP = 5


def labels():
    return (inputs.hash32(TAG, np.arange(IMAGES)) % LABELLED).astype(int)


def probabilities(label):
    """Noise from 0 to 1, raised for the image's own class, in steps of 1/64."""
    noise = (inputs.uniform(TAG + 1, np.arange(IMAGES * CLASSES)).reshape(IMAGES, CLASSES) + 1) / 2
    noise[np.arange(IMAGES), label] += 0.25
    return np.floor(noise * LEVELS) / LEVELS


def class_values(label, scores, index):
    isOwn = label == index
    score = scores[:, index]
    fpr, tpr, _ = roc_curve(isOwn, score, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(isOwn, score)
    return {
        "auc": float(roc_auc_score(isOwn, score)),
        "averagePrecision": float(average_precision_score(isOwn, score)),
        "falsePositiveRate": fpr.tolist(),
        "truePositiveRate": tpr.tolist(),
        "recall": recall[::-1].tolist(),
        "precision": precision[::-1].tolist(),
    }


if __name__ == "__main__":
    label = labels()
    scores = probabilities(label)
    # top_k_accuracy_score prefers the highest index among equal scores and tailor the lowest, as for the accuracy.
    mirrored = scores[:, ::-1]
    emit(
        {
            "images": IMAGES,
            "classes": [class_values(label, scores, index) for index in range(LABELLED)],
            "top5": float(top_k_accuracy_score(CLASSES - 1 - label, mirrored, k=TOP, labels=range(CLASSES))),
        }
    )
