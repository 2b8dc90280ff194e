"""Test accuracies of classical classifiers on the sets of photo-sets.js, to compare recipes with.

    apt-get install python3-sklearn python3-skimage python3-pil
    /usr/bin/python3 scripts/photo-baseline.py photo-sets/birds photo-sets/kinds

Features: histograms of oriented gradients of 64x64 gray pixels (8x8 cells, 9 orientations, blocks of 2x2), or a joint
histogram of 8x8x8 colours. Classifier: a support vector machine with an RBF kernel on standardised features, its C and
gamma chosen by 5-fold cross-validation on the training images. Prints one JSON object a set.
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.feature import hog
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

SIZE = 64
GRID = {"svc__C": [0.1, 1, 10, 100], "svc__gamma": ["scale", 1e-4, 1e-3]}


def pictures(folder):
    classes = sorted(path.name for path in folder.iterdir())
    files = [(path, label) for label, name in enumerate(classes) for path in sorted((folder / name).iterdir())]
    return [(squared(Image.open(path).convert("RGB")), label) for path, label in files]


def squared(image):
    """The largest centred square, as tailor takes it."""
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    return image.crop((left, top, left + edge, top + edge)).resize((SIZE, SIZE), Image.LANCZOS)


def gradients_of(image):
    gray = np.asarray(image.convert("L"), dtype=np.float64) / 255
    return hog(gray, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2))


def colours_of(image):
    counts, _ = np.histogramdd(np.asarray(image).reshape(-1, 3), bins=(8, 8, 8), range=[(0, 256)] * 3)
    return np.sqrt(counts.ravel() / counts.sum())


def accuracy(features, train, test):
    matrix = lambda images: np.array([features(image) for image, _ in images])
    labels = lambda images: np.array([label for _, label in images])
    search = GridSearchCV(make_pipeline(StandardScaler(), SVC()), GRID, cv=5)
    search.fit(matrix(train), labels(train))
    return float((search.predict(matrix(test)) == labels(test)).mean())


for name in sys.argv[1:]:
    train, test = pictures(Path(name) / "train"), pictures(Path(name) / "test")
    found = {"hog": accuracy(gradients_of, train, test), "colours": accuracy(colours_of, train, test)}
    print(json.dumps({"set": name, "train": len(train), "test": len(test), **found}), flush=True)
