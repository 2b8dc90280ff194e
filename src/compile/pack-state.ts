import { sizeOf } from "../graph/shape.ts";
import { isOp, type Value } from "../graph/value.ts";
import { input, inputName, inputOp } from "../ops/leaves.ts";
import { concat, concatOp, reshape, reshapeOp, sliceOp, split } from "../ops/reshape.ts";
import type { StatePart, StateTensor } from "./program.ts";
import type { Rule } from "./rewrite.ts";

/** A state tensor of the packed program; `parts` are the program's own that lie in it, one after another. */
type PackedState = StateTensor & { readonly parts?: readonly StatePart[] };

/** The state of a packed program, and the rules by which its graph reads it. */
export interface PackedProgramState {
  readonly state: readonly PackedState[];
  readonly rules: readonly Rule[];
}

/**
 * Keeps state that is updated as one vector (`updateParameters`) as one vector between steps too: where the new values
 * of several tensors are consecutive parts of one vector, that vector becomes the state, and who reads a tensor reads a
 * part of it. Otherwise each step would join all of them and cut them apart again, four launches a tensor with Adam.
 */
export function packState(state: readonly StateTensor[]): PackedProgramState {
  const groups = new Map<Value | undefined, StateTensor[]>();
  for (const tensor of state) {
    const vector = partOf(tensor.next)?.inputs[0];
    groups.set(vector, [...(groups.get(vector) ?? []), tensor]);
  }
  const parts = new Map<string, Value>();
  const packed = [...groups].flatMap(([vector, tensors]): readonly PackedState[] => {
    const isWhole =
      vector !== undefined &&
      joinedLength(
        vector,
        tensors.map(({ next }) => next),
      ) === tensors.length;
    if (!isWhole) return tensors;
    const name = `${tensors[0]!.name} and ${tensors.length - 1} more`;
    const joined = input(name, vector.shape);
    const slices = split(
      joined,
      tensors.map(({ input: value }) => sizeOf(value.shape)),
    );
    for (const [i, { name: part, input: value }] of tensors.entries())
      parts.set(part, reshape(slices[i]!, value.shape));
    return [
      { name, input: joined, next: vector, parts: tensors.map((one) => ({ name: one.name, shape: one.input.shape })) },
    ];
  });
  const readPartRule: Rule = {
    name: "readPart",
    rewrite: (value) => (isOp(value, inputOp) ? parts.get(inputName(value)) : undefined),
  };
  return { state: packed, rules: [readPartRule, reshapeRule, joinPartsRule] };
}

/** The slice of a vector that a value is, in whatever shape. */
function partOf(value: Value) {
  const part = isOp(value, reshapeOp) ? value.inputs[0]! : value;
  return isOp(part, sliceOp) && part.shape.length === 1 ? part : undefined;
}

/** How many of the values, from the first on, are together the whole vector; 0 if they are not. */
function joinedLength(vector: Value, values: readonly Value[]): number {
  let end = 0;
  for (const [i, value] of values.entries()) {
    const part = partOf(value);
    if (part?.inputs[0] !== vector || part.attributes.start !== end) return 0;
    end += part.attributes.length;
    if (end === sizeOf(vector.shape)) return i + 1;
  }
  return 0;
}

/** reshape(reshape(x)) -> reshape(x), and nothing where the shape is x's. Same elements in the same order. */
const reshapeRule: Rule = {
  name: "reshape",
  rewrite(value) {
    if (!isOp(value, reshapeOp)) return undefined;
    const x = value.inputs[0]!;
    if (x.shape.join() === value.shape.join()) return x;
    return isOp(x, reshapeOp) ? reshape(x.inputs[0]!, value.shape) : undefined;
  },
};

/** concat(..., slice(x, 0, a), slice(x, a, b), ...) -> concat(..., x, ...), where the slices are the whole of x. */
const joinPartsRule: Rule = {
  name: "joinParts",
  rewrite(value) {
    if (!isOp(value, concatOp) || value.shape.length !== 1) return undefined;
    const joined: Value[] = [];
    for (let i = 0; i < value.inputs.length; ) {
      const vector = partOf(value.inputs[i]!)?.inputs[0];
      const count = vector ? joinedLength(vector, value.inputs.slice(i)) : 0;
      joined.push(count > 0 ? vector! : value.inputs[i]!);
      i += Math.max(count, 1);
    }
    if (joined.length === 1) return joined[0];
    return joined.length < value.inputs.length ? concat(joined) : undefined;
  },
};
