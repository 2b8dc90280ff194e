import { type Kernel, type Kernels, required } from "./kernel.ts";
import { elements, fromFront, strides, type Tensor, tensor, view } from "./tensor.ts";

/** Operators that move elements and compute nothing. */

const reshape: Kernel = (context) => {
  const [x, wanted] = [required(context, 0), [...required(context, 1).data]];
  const shape = wanted.map((size, axis) => (size === 0 ? x.shape[axis]! : size));
  const known = elements(shape.filter((size) => size !== -1));
  return tensor(
    shape.map((size) => (size === -1 ? x.data.length / known : size)),
    x.data,
  );
};

const transpose: Kernel = (context) => {
  const x = required(context, 0);
  const order = context.attributes.integers("perm", [...x.shape.keys()].reverse());
  const steps = strides(x.shape);
  return view(
    x.data,
    order.map((axis) => x.shape[axis]!),
    order.map((axis) => steps[axis]!),
  );
};

const flatten: Kernel = (context) => {
  const { shape, data } = required(context, 0);
  const axis = fromFront(context.attributes.integer("axis", 1), shape.length);
  return tensor([elements(shape.slice(0, axis)), elements(shape.slice(axis))], data);
};

/** Inputs x, starts, ends, axes, steps; forward steps only. */
const slice: Kernel = (context) => {
  const x = required(context, 0);
  const [starts, ends] = [required(context, 1).data, required(context, 2).data];
  const axes = context.inputs[3]?.data ?? starts.map((_, i) => i);
  const shape = [...x.shape];
  const steps = strides(x.shape);
  let offset = 0;
  axes.forEach((given, i) => {
    const axis = fromFront(given, x.shape.length);
    const size = x.shape[axis]!;
    const bound = (place: number) => Math.min(Math.max(place < 0 ? place + size : place, 0), size);
    const step = context.inputs[4]?.data[i] ?? 1;
    if (step < 1) throw new Error(`Slice with step ${step} is not interpreted`);
    const start = bound(starts[i]!);
    offset += start * steps[axis]!;
    shape[axis] = Math.max(Math.ceil((bound(ends[i]!) - start) / step), 0);
    steps[axis] = steps[axis]! * step;
  });
  return view(x.data, shape, steps, offset);
};

const concat: Kernel = ({ inputs, attributes }) => {
  const parts = inputs.filter((part): part is Tensor => part !== undefined);
  const first = parts[0]!.shape;
  const axis = fromFront(attributes.integer("axis"), first.length);
  const outer = elements(first.slice(0, axis));
  const rows = parts.map((part) => part.data.length / outer);
  const size = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
  const y = tensor(first.with(axis, size), new Float64Array(outer * rows.reduce((sum, row) => sum + row, 0)));
  let filled = 0;
  for (let i = 0; i < outer; i++)
    parts.forEach((part, p) => {
      y.data.set(part.data.subarray(i * rows[p]!, (i + 1) * rows[p]!), filled);
      filled += rows[p]!;
    });
  return y;
};

/** Zeros (or a value) around x; pads are all axes' starts, then all ends. */
const pad: Kernel = (context) => {
  const x = required(context, 0);
  const pads = required(context, 1).data;
  if (context.attributes.text("mode", "constant") !== "constant") throw new Error("Pad: constant mode only");
  if (pads.some((size) => size < 0)) throw new Error("Pad with negative sizes is not interpreted");
  const rank = x.shape.length;
  const shape = x.shape.map((size, axis) => size + pads[axis]! + pads[rank + axis]!);
  const y = tensor(shape, new Float64Array(elements(shape)).fill(context.inputs[2]?.data[0] ?? 0));
  const [from, to] = [strides(x.shape), strides(shape)];
  x.data.forEach((element, i) => {
    let at = 0;
    for (let axis = 0; axis < rank; axis++) {
      const place = Math.floor(i / from[axis]!) % x.shape[axis]!;
      at += (place + pads[axis]!) * to[axis]!;
    }
    y.data[at] = element;
  });
  return y;
};

const gather: Kernel = (context) => {
  const [x, indices] = [required(context, 0), required(context, 1)];
  const axis = fromFront(context.attributes.integer("axis", 0), x.shape.length);
  const [outer, size, inner] = [elements(x.shape.slice(0, axis)), x.shape[axis]!, elements(x.shape.slice(axis + 1))];
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const y = tensor(shape, new Float64Array(outer * indices.data.length * inner));
  for (let i = 0; i < outer; i++)
    indices.data.forEach((index, j) => {
      const from = (i * size + fromFront(index, size)) * inner;
      y.data.set(x.data.subarray(from, from + inner), (i * indices.data.length + j) * inner);
    });
  return y;
};

export const REARRANGE: Kernels = {
  Reshape: reshape,
  Transpose: transpose,
  Flatten: flatten,
  Slice: slice,
  Concat: concat,
  Pad: pad,
  Gather: gather,
};
