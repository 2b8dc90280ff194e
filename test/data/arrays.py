"""Writes small files of NumPy arrays as people save them: python3 arrays.py FOLDER. The committed ones are in `arrays`."""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np


def images(count, start=0, channels=None):
    """Image n has the pixels (41 n + 60 c + 5 h + 3 w) % 256, [count, 8, 8] or [count, 8, 8, channels]."""
    n, h, w, c = np.meshgrid(np.arange(start, start + count), np.arange(8), np.arange(8), np.arange(channels or 1), indexing="ij")
    pixels = ((41 * n + 60 * c + 5 * h + 3 * w) % 256).astype("uint8")
    return pixels if channels else pixels[..., 0]


def labels(count, start=0):
    return (np.arange(start, start + count) % 2).astype("uint8")


def keras(convert=lambda x: x, convert_labels=lambda y: y, channels=None):
    return {
        "x_train": convert(images(6, 0, channels)),
        "y_train": convert_labels(labels(6)),
        "x_test": convert(images(2, 6, channels)),
        "y_test": convert_labels(labels(2, 6)),
    }


FILES = {
    "keras": keras(),
    "medmnist": {
        **{f"train_{k}": v for k, v in {"images": images(6, 0, 3), "labels": labels(6)[:, None]}.items()},
        **{f"val_{k}": v for k, v in {"images": images(2, 6, 3), "labels": labels(2, 6)[:, None]}.items()},
        **{f"test_{k}": v for k, v in {"images": images(2, 8, 3), "labels": labels(2, 8)[:, None]}.items()},
    },
    "one-channel": keras(channels=1),
    "channels-first": keras(lambda x: x.transpose(0, 3, 1, 2).copy(), channels=3),
    "fortran": keras(np.asfortranarray),
    "fortran-colour": keras(np.asfortranarray, channels=3),
    "fortran-floats": keras(lambda x: np.asfortranarray(x / 255.0)),
    "float16": keras(lambda x: (x / 255.0).astype("float16")),
    "float32": keras(lambda x: (x / 255.0).astype("float32")),
    "float64-big-endian": keras(lambda x: (x / 255.0).astype(">f8")),
    "float32-to-255": keras(lambda x: x.astype("float32")),
    "int32-big-endian": keras(lambda x: x.astype(">i4"), lambda y: y.astype(">i2")),
    "int64": keras(lambda x: x.astype("int64"), lambda y: y.astype("int64")),
    "uint16-to-255": keras(lambda x: x.astype("uint16")),
    "uint16": keras(lambda x: x.astype("uint16") * 257),
    "bool": keras(lambda x: x % 2 == 1),
    "names": keras(convert_labels=lambda y: np.array(["ant", "b\u00e9\u00e9"])[y]),
    "bytes": keras(convert_labels=lambda y: np.array([b"ant", b"bee"])[y]),
    "float-labels": keras(convert_labels=lambda y: y.astype("float64")),
    "train-only": {k: v for k, v in keras().items() if "train" in k},
    "objects": {**keras(), "x_train": np.array([image for image in images(6)] + [None], dtype=object)[:6]},
    "records": {**keras(), "x_train": np.zeros((6, 8, 8), dtype=[("r", "u1"), ("g", "u1")])},
    "complex": keras(lambda x: x.astype("complex64")),
    "flat": keras(lambda x: x.reshape(len(x), -1)),
    "four-channels": keras(channels=4),
    "ambiguous": keras(lambda x: x[:, :3, :, :3].copy(), channels=3),
    "one-hot": keras(convert_labels=lambda y: np.eye(2)[y]),
    "signed": keras(lambda x: x.astype("int16") - 1),
    "standardized": keras(lambda x: (x - 100.0) / 50.0),
    "to-255-with-fractions": keras(lambda x: x * 0.99),
    "nan": keras(lambda x: np.where(x == 8, np.nan, x / 255.0)),
    "other-type": {**keras(), "x_test": images(2, 6) / 255.0},
    "unknown-label": {**keras(), "y_test": np.array([0, 7])},
    "negative-label": {**keras(), "y_train": np.array([0, 1, 0, -1, 0, 1])},
    "few-labels": {**keras(), "y_train": labels(5)},
    "empty": {**keras(), "x_test": images(0), "y_test": labels(0)},
    "no-labels": {k: v for k, v in keras().items() if k != "y_test"},
    "unnamed": {"arr_0": images(6), "arr_1": labels(6)},
    "extra": {**keras(), "mean": np.zeros(3)},
}

folder = Path(sys.argv[1])
folder.mkdir(exist_ok=True)
for name, arrays in FILES.items():
    (np.savez if name == "medmnist" else np.savez_compressed)(folder / f"{name}.npz", **arrays)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


"""Files whose x_train is not what it says."""
SPOILT = {
    "cut-short": npy(images(6))[:-9],
    "other-magic": b"XNUMPY" + npy(images(6))[6:],
    "cut-header": npy(images(6))[:40],
    "huge-shape": npy(images(6)).replace(b"(6, 8, 8), }         ", b"(6, 8, 999999999), } "),
    "larger-shape": npy(images(6)).replace(b"(6, 8, 8)", b"(9, 8, 8)"),
    "version-9": b"\x93NUMPY\x09" + npy(images(6))[7:],
}
for name, content in SPOILT.items():
    with zipfile.ZipFile(folder / f"{name}.npz", "w", zipfile.ZIP_DEFLATED) as file:
        for key, array in keras().items():
            file.writestr(f"{key}.npy", content if key == "x_train" else npy(array))
