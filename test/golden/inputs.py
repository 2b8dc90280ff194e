"""The inputs of every golden value: one integer formula, shared with its TypeScript twin inputs.ts.

Both languages rebuild the very same weights, images, labels and dropout masks, so only results are committed.
Run as a program it writes the fingerprints that inputs.test.ts holds the twin to:

    python3 test/golden/inputs.py > test/golden/inputs.json

Needs NumPy only. All arithmetic is either on unsigned 32-bit integers or on float64 with one rounding per operation, in
the same order as in inputs.ts, so the two agree bit for bit.
"""

import hashlib

import numpy as np

BATCHES = 10
BATCH_SIZE = 32
HEIGHT = WIDTH = 28
PIXELS = HEIGHT * WIDTH
CLASSES = 10
PIXEL_MEAN = 0.286
PIXEL_DEVIATION = 0.353
DROPOUT_RATE = 0.25

# A tag names a stream of numbers. Parameters take their position in the network's list, 0 and up.
PROJECTION_TAG = 1000  # + position of the parameter
STATISTIC_PROJECTION_TAG = 2000  # + position of the running statistic
LABEL_TAG = 3000
PATTERN_TAG = 3001
NOISE_TAG = 3002
DROPOUT_TAG = 4000  # + step
OPTIMIZER_TAG = 5000  # the parameter; + 1 + step for the gradients
MUON_TAG = 6000  # + 10 * case; + 1 + step for the gradients
OPS_TAG = 10000  # + 10 * case + position of the input


def hash32(tag, index):
    """Unsigned 32-bit integers (uint32 array) for one tag and an array of indices, both from 0 up."""
    index = np.asarray(index, dtype=np.uint64)
    start = (index + np.uint64(1)) * np.uint64(0x9E3779B1) + np.uint64((tag + 1) * 0x85EBCA77 & 0xFFFFFFFF)
    x = (start & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)  # uint32 products of arrays wrap modulo 2^32, as Math.imul does
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x


def uniform(tag, index):
    """Numbers in [-1, 1), float64: hash / 2^32 * 2 - 1, exact."""
    return hash32(tag, index) / 2**32 * 2 - 1


def spec(name, shape, tag, scale=1.0, offset=0.0, rounding="float32"):
    """Describes a tensor; `build` makes it. `rounding` is "float32" (nearest) or "floor" (integers)."""
    fields = {"name": name, "shape": list(shape), "tag": tag}
    return {**fields, "scale": scale, "offset": offset, "rounding": rounding}


def build(described):
    """The float64 array of a spec: offset + scale * uniform(tag, position in row-major order), then rounded."""
    count = int(np.prod(described["shape"]))
    values = described["offset"] + described["scale"] * uniform(described["tag"], np.arange(count))
    rounded = np.floor(values) if described["rounding"] == "floor" else values.astype(np.float32).astype(np.float64)
    return rounded.reshape(described["shape"])


def image_batch(batch):
    """(pixels uint8 [32, 1, 28, 28], labels int64 [32]) of one batch, 0 to 9.

    An image is black but for a rectangle whose place and texture belong to its class. Every image keeps a black border,
    and black areas make tied pooling windows, as Fashion-MNIST does.
    """
    pixels = np.zeros((BATCH_SIZE, HEIGHT, WIDTH), dtype=np.uint8)
    numbers = np.arange(BATCH_SIZE) + batch * BATCH_SIZE
    labels = hash32(LABEL_TAG, numbers).astype(np.int64) % CLASSES
    place = np.arange(PIXELS)
    for row, (number, label) in enumerate(zip(numbers, labels)):
        top, height = 2 + label % 4 * 2, 10 + label * 5 % 9
        left, width = 2 + label * 3 % 7, 9 + label * 7 % 10
        pattern = uniform(PATTERN_TAG, label * PIXELS + place)
        noise = uniform(NOISE_TAG, number * PIXELS + place)
        drawn = np.floor(128 + 100 * pattern + 27 * noise).reshape(HEIGHT, WIDTH)
        inside = (slice(top, top + height), slice(left, left + width))
        pixels[row][inside] = drawn[inside]
    return pixels.reshape(BATCH_SIZE, 1, HEIGHT, WIDTH), labels


def normalised(pixels):
    """Pixels as the networks see them, float64."""
    return (pixels / 255 - PIXEL_MEAN) / PIXEL_DEVIATION


def dropout_mask(step, shape):
    """1 keeps, 0 drops (float64), for one training step: keeps where hash >= rate * 2^32."""
    kept = hash32(DROPOUT_TAG + step, np.arange(int(np.prod(shape)))) >= DROPOUT_RATE * 2**32
    return kept.astype(np.float64).reshape(shape)


def project(values, tag):
    """Signed fingerprint of a tensor: sum of values[i] * uniform(tag, i), float64."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    return float(flat @ uniform(tag, np.arange(flat.size)))


def norm(values):
    """L2 norm, float64."""
    return float(np.sqrt(np.sum(np.asarray(values, dtype=np.float64) ** 2)))


def strided(values):
    """The 8 values in the middle of 8 equal parts: positions floor(count * (2k + 1) / 16)."""
    flat = np.asarray(values).ravel()
    return flat[[flat.size * (2 * k + 1) // 16 for k in range(8)]]


def fingerprints():
    """What inputs.test.ts compares: sampled hashes, and the SHA-256 of the bytes of longer streams."""

    def sha256(array, dtype):
        return hashlib.sha256(array.astype(dtype).tobytes()).hexdigest()

    batches = [image_batch(batch) for batch in range(BATCHES)]
    weights = spec("weights", [64, 32, 3, 3], 2, 1 / np.sqrt(288), 0.0)
    samples = [(0, 0), (0, 1), (1, 0), (7, 401407), (1000, 12345), (4009, 8191), (4294967295, 4294967295)]
    return {
        "hashes": [{"tag": t, "index": i, "hash": int(hash32(t, [i])[0])} for t, i in samples],
        # hash(tag, index) for tags 0 to 15 and indices 0 to 999, little-endian uint32
        "hashSha256": sha256(np.stack([hash32(tag, np.arange(1000)) for tag in range(16)]), "<u4"),
        "pixelsSha256": [sha256(pixels, "u1") for pixels, _ in batches],
        "labels": [[int(label) for label in labels] for _, labels in batches],
        "maskSha256": [sha256(dropout_mask(step, [BATCH_SIZE, 256]), "u1") for step in range(BATCHES)],
        "tensor": weights,
        "tensorSha256": sha256(build(weights), "<f4"),
        "tensorNorm": norm(build(weights)),
        "tensorProjection": project(build(weights), PROJECTION_TAG + 2),
        "tensorStrided": strided(build(weights)).tolist(),
    }


if __name__ == "__main__":
    from emit import emit

    emit(fingerprints())
