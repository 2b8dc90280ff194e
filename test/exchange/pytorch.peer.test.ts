import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { UserError } from "../../src/errors.ts";
import { pytorchModel } from "../../src/formats/pytorch-model.ts";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { flatten, type Layer, linear, type Model, residual } from "../../src/nn/index.ts";
import { probeBlockSize } from "../../src/runtime/node/ort.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { engineLogitsOf, NETWORKS, networkOf, pixelsFor, residualNetwork } from "./support/networks.ts";
import { needTorch, python } from "./support/python.ts";

const COUNT = 3;
const block = await probeBlockSize();
const LOWERINGS = [
  { kind: "standard" } as const,
  ...(block === undefined ? [] : [{ kind: "blocked", block } as const]),
];

/** A folder as `export --format pytorch` writes it, with the logits of the first lowering. */
function exportedFolder(network: ReturnType<typeof networkOf>, pixels: Uint8Array, logits: Float32Array): string {
  const { channels, height, width, classes } = network.task;
  const folder = join(temporaryFolder(), "exported");
  mkdirSync(folder);
  writeFileSync(join(folder, "model.py"), pytorchModel(network));
  writeFileSync(join(folder, "weights.safetensors"), encodeSafetensors(network.tensors, { any: "thing" }));
  const check = [
    { name: "pixels", shape: [COUNT, channels, height, width], data: Float32Array.from(pixels) },
    { name: "logits", shape: [COUNT, classes], data: logits },
  ];
  writeFileSync(join(folder, "check.safetensors"), encodeSafetensors(check));
  return folder;
}

/** What matters in training only, which no logit shows. */
const EXPECTED_SETTINGS: Readonly<Record<string, object>> = {
  base: { momenta: [], dropped: [] },
  enhanced: { momenta: [0.1], dropped: [0.3] },
  tiny: { momenta: [0.1], dropped: [] },
  photos: { momenta: [0.1], dropped: [0.2] },
  [residualNetwork.name]: { momenta: [0.1, 0.2], dropped: [0.5] },
  images: { momenta: [], dropped: [] },
  tokens: { momenta: [], dropped: [] },
};

/** Checks the module as `python3 model.py` does, then prints what it says of itself. */
const ASK = `
import json, runpy, sys
runpy.run_path(sys.argv[1] + "/model.py", run_name="__main__")
sys.path.insert(0, sys.argv[1])
import torch, model
check = model.read_safetensors(sys.argv[1] + "/check.safetensors")
net = model.load()
with torch.no_grad():
    logits = net(check["pixels"])
    one_by_one = torch.cat([net(image[None].to(torch.uint8)) for image in check["pixels"]])
state = [[name, list(tensor.shape)] for name, tensor in net.state_dict().items() if "num_batches" not in name]
momenta = sorted({m.momentum for m in net.modules() if "BatchNorm" in type(m).__name__})
dropped = [m.p for m in net.modules() if isinstance(m, torch.nn.Dropout)]
print(json.dumps({"logits": logits.flatten().tolist(), "bytes": one_by_one.flatten().tolist(), "state": state,
  "classes": model.CLASSES, "name": model.MODEL, "momenta": momenta, "dropped": dropped, "training": net.training}))
`;

test.for(NETWORKS)("$model.name gives in PyTorch the logits of every lowering", async ({ model, task }, context) => {
  needTorch(context);
  const network = networkOf(model, task);
  const pixels = pixelsFor(task, COUNT);
  const expected: Float32Array[] = [];
  for (const lowering of LOWERINGS) expected.push(await engineLogitsOf(network, pixels, lowering));
  const [checked, answer] = (await python(["-c", ASK, exportedFolder(network, pixels, expected[0]!)])).split("\n{");
  expect(checked).toMatch(/largest difference from tailor's logits: \d\.\de-\d+$/);
  const said = JSON.parse(`{${answer}`);
  expect(said).toMatchObject({ name: model.name, classes: network.classNames, training: false });
  expect(said).toMatchObject(EXPECTED_SETTINGS[model.name]!);
  expect(said.state).toEqual(network.tensors.map(({ name, shape }) => [name, shape]));
  for (const logits of expected) {
    const largest = logits.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
    expect(largest).toBeGreaterThan(0.05);
    // As for model.onnx: two computations of up to 15 layers of sums of at most 3,136 terms.
    const tolerance = 2 * 15 * Math.sqrt(3136) * 2 ** -24 * largest;
    expect(Float32Array.from(said.logits)).toBeClose(logits, { tolerance });
    // One image at a time, as bytes.
    expect(Float32Array.from(said.bytes)).toBeClose(logits, { tolerance });
  }
});

test("identical blocks share a class, and modules are in the order of the state dict", () => {
  const network = networkOf(residualNetwork, { channels: 3, height: 13, width: 10, classes: 4 });
  const text = pytorchModel(network);
  const classes = [...text.matchAll(/^class (\w+)\(nn\.Module\):$/gm)].map(([, name]) => name);
  expect(classes).toEqual(["Block1", "Block3", "Block4Block1", "Block4", "Block5", "Block6", "Net"]);
  expect(text).toContain("        self.block1 = Block1()\n        self.block2 = Block1()\n");
  expect(text).toContain("        x = F.relu(self.bn1(self.conv1(x)))\n        x = F.relu(self.block1(x))\n");
  expect(text).toContain("nn.Conv2d(3, 16, kernel_size=(3, 1), padding=(1, 0))\n");
  expect(text.split("\n").filter((line) => line.length > 120)).toEqual([]);
});

test("a custom layer without toPytorch is refused by name", () => {
  const own: Layer = { kind: "swish", description: "swish 2", forward: (x) => x };
  const model: Model = { name: "own", layers: ({ classes }) => [residual([own]), flatten(), linear(classes)] };
  const parts = networkOf(model, { channels: 1, height: 2, width: 2, classes: 2 });
  expect(() => pytorchModel(parts)).toThrow(UserError);
  expect(() => pytorchModel(parts)).toThrow("layer swish1 (swish 2) does not say what it is in PyTorch");
});
