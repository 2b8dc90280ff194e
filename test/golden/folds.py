"""How many images of each class scikit-learn's StratifiedKFold puts into each fold, for labels of several sizes.

    python3 test/golden/folds.py > test/golden/folds.json

scikit-learn 1.2.1 (Debian: python3-sklearn). The labels of a case are its counts, class after class.
"""

import numpy as np
from sklearn.model_selection import StratifiedKFold

from emit import emit

CASES = [(5, [20, 20, 20]), (3, [7, 11, 5, 4]), (4, [5, 6, 9]), (10, [31, 12, 10, 47, 100])]


def case(folds, counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    parts = StratifiedKFold(folds, shuffle=True, random_state=0).split(labels, labels)
    per_fold = [np.bincount(labels[part], minlength=len(counts)).tolist() for _, part in parts]
    return {"folds": folds, "counts": counts, "perFold": per_fold}


emit({"cases": [case(*spec) for spec in CASES]})
