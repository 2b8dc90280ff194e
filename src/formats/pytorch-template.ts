import type { Preparation } from "../imaging/preparation.ts";
import type { ImageTask, Model } from "../nn/model.ts";
import type { PixelNormalization } from "../ops/normalize-pixels.ts";

/** Files of an exported folder. */
export const PYTORCH_FILES = {
  model: "model.py",
  weights: "weights.safetensors",
  /** Some images and the training engine's logits for them: tensors `pixels` and `logits`. */
  check: "check.safetensors",
} as const;

/** The network-specific parts, as Python source. */
export interface ModelFileParts {
  readonly model: Model;
  readonly task: ImageTask;
  readonly normalization: PixelNormalization;
  readonly classNames: readonly string[];
  readonly preparation?: Preparation | undefined;
  /** Classes of the network's blocks, each followed by two empty lines; may be empty. */
  readonly blocks: string;
  /** Statements of `__init__`, one per line. */
  readonly attributes: string;
  /** Statements of `forward` that follow the normalisation. */
  readonly forward: string;
}

/** The complete `model.py`. Values are inserted as JSON, whose strings and numbers are valid Python. */
export function modelFile({
  model,
  task: { channels, height, width, classes },
  normalization: { mean, standardDeviation },
  classNames,
  preparation,
  blocks,
  attributes,
  forward,
}: ModelFileParts): string {
  const functional = /\bF\./.test(blocks + forward) ? "import torch.nn.functional as F\n" : "";
  return `"""An image classifier trained with tailor, as a PyTorch module. Needs torch (1.10 or later) and nothing else.

\`python3 ${PYTORCH_FILES.model}\` checks that it gives the logits that it gave in tailor.
"""

import json
import struct
from pathlib import Path

import torch
${functional}from torch import nn

MODEL = ${JSON.stringify(model.name)}
CLASSES = [
${classNames.map((name) => `    ${JSON.stringify(name)},\n`).join("")}]
IMAGE = (${channels}, ${height}, ${width})  # channels, height, width
# Of each channel, for pixels scaled to 0..1.
MEAN = ${list(mean)}
STD = ${list(standardDeviation)}
# Goes with weights that go back to tailor: safetensors.torch.save_file(net.state_dict(), path, METADATA).
METADATA = {
    "model": MODEL,
    "image": "x".join(map(str, IMAGE)),
    "classes": json.dumps(CLASSES),
    "mean": json.dumps(MEAN),
    "standardDeviation": json.dumps(STD),
${preparation ? `    "preparation": json.dumps(${JSON.stringify(preparation)}),\n` : ""}}

FOLDER = Path(__file__).resolve().parent


${blocks}class Net(nn.Module):
    """Pixels from 0 to 255 [batch, ${channels}, ${height}, ${width}] in, logits [batch, ${classes}] out."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(-1, 1, 1), persistent=False)
${attributes}
    def forward(self, pixels):
        x = (pixels.float() / 255 - self.mean) / self.std
${forward}


def read_safetensors(path):
    """The float32 tensors of a safetensors file, by name."""
    content = bytearray(Path(path).read_bytes())
    start = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(content, dtype=torch.float32, offset=start + begin, count=(end - begin) // 4)
        tensors[name] = values.reshape(entry["shape"]).clone()
    return tensors


def load(path=FOLDER / "${PYTORCH_FILES.weights}"):
    """The trained network, ready to classify."""
    net = Net()
    net.load_state_dict(read_safetensors(path))
    return net.eval()


if __name__ == "__main__":
    check = read_safetensors(FOLDER / "${PYTORCH_FILES.check}")
    with torch.no_grad():
        logits = load()(check["pixels"])
    difference = (logits - check["logits"]).abs().max().item()
    for row, probabilities in enumerate(logits.softmax(1)):
        best = int(probabilities.argmax())
        print(f"image {row}: {CLASSES[best]} ({probabilities[best]:.1%})")
    print(f"largest difference from tailor's logits: {difference:.1e}")
    if not difference <= 1e-4:
        raise SystemExit("the logits are not those of tailor")
`;
}

/** Python float literals, so that a list of integers does not become an integer tensor. */
function list(values: readonly number[]): string {
  return `[${values.map((value) => (Number.isInteger(value) ? value.toFixed(1) : String(value))).join(", ")}]`;
}
