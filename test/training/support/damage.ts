/** Changes to the files of a folder: each gives a function that makes the change in a folder. */
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeSafetensors, encodeSafetensors, type Safetensors } from "../../../src/formats/safetensors.ts";

export type Change = (folder: string) => void;

/** Every file of a folder and of the folders in it, with its content. */
export function contents(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(folder, name), "latin1")]));
}

/** @param bytes that are kept; negative: so many fewer than there are */
export function cut(name: string, bytes: number): Change {
  return (folder) => {
    const path = join(folder, name);
    truncateSync(path, bytes < 0 ? statSync(path).size + bytes : bytes);
  };
}

export function remove(...names: string[]): Change {
  return (folder) => {
    for (const name of names) rmSync(join(folder, name));
  };
}

export function edit(name: string, change: (text: string) => string): Change {
  return (folder) => writeFileSync(join(folder, name), change(readFileSync(join(folder, name), "utf8")));
}

/** Fields of run.json; undefined takes one out. */
export function editRecord(changes: Record<string, unknown>): Change {
  return edit("run.json", (text) => `${JSON.stringify({ ...JSON.parse(text), ...changes }, null, 2)}\n`);
}

export function editState(change: (state: Safetensors) => Safetensors): Change {
  return (folder) => {
    const path = join(folder, "state.safetensors");
    const { tensors, metadata } = change(decodeSafetensors(readFileSync(path), path));
    writeFileSync(path, encodeSafetensors(tensors, metadata));
  };
}

/** Where the state says that the run stood. */
export function editPlace(changes: Record<string, string>): Change {
  return editState(({ tensors, metadata }) => ({ tensors, metadata: { ...metadata, ...changes } }));
}

/** Weights that are NaN in model.onnx, found there by their bytes in weights.safetensors: the file stays a model. */
export function fillModelWithNaN(tensor: string): Change {
  return (folder) => {
    const path = join(folder, "weights.safetensors");
    const { data } = decodeSafetensors(readFileSync(path), path).tensors.find(({ name }) => name === tensor)!;
    const model = readFileSync(join(folder, "model.onnx"));
    const at = model.indexOf(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    if (at < 0) throw new Error(`model.onnx does not hold ${tensor}`);
    writeFileSync(join(folder, "model.onnx"), model.fill(0xff, at, at + data.byteLength));
  };
}
