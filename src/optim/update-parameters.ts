import { type Shape, sizeOf } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { concat, reshape, slice } from "../ops/reshape.ts";
import type { Optimizer, UpdateInputs, UpdateResults } from "./optimizer.ts";

/** A parameter to update. */
export type ParameterUpdate = Omit<UpdateInputs, "settings">;

/** Which parameters are updated as one long vector: biases and the like, or all whose update is elementwise. */
export type UpdateGrouping = "vectors" | "elementwise";

/**
 * Updates all parameters. Vectors (biases, batch norm's scales) are updated together, as one long vector: each is so
 * short that launching the dozen operations of its own update would cost more than computing them. On a GPU that is so
 * of every parameter.
 *
 * @returns the results in the order of the parameters
 */
export function updateParameters(
  optimizer: Optimizer,
  parameters: readonly ParameterUpdate[],
  settings: UpdateInputs["settings"],
  grouping: UpdateGrouping = "vectors",
): UpdateResults[] {
  const group = parameters.filter(({ parameter }) => isGrouped(optimizer, parameter.shape, grouping));
  const moved = group.length > 1 ? updateTogether(optimizer, group, settings) : [];
  const together = new Map(moved.map((results, i) => [group[i]!, results]));
  return parameters.map((parameter) => together.get(parameter) ?? optimizer.update({ ...parameter, settings }));
}

/** Whether a parameter of this shape is updated together with others. */
export function isGrouped(optimizer: Optimizer, shape: Shape, grouping: UpdateGrouping): boolean {
  return shape.length === 1 || (grouping === "elementwise" && !optimizer.isMatrixUpdate?.(shape));
}

function updateTogether(
  optimizer: Optimizer,
  group: readonly ParameterUpdate[],
  settings: UpdateInputs["settings"],
): UpdateResults[] {
  const slotNames = Object.keys(group[0]!.slots);
  const bySlot = (values: readonly Value[]) => Object.fromEntries(slotNames.map((slot, i) => [slot, values[i]!]));
  const operands = group.map(({ parameter, gradient, slots }) => [
    parameter,
    gradient,
    ...slotNames.map((slot) => slots[slot]!),
  ]);
  const results = jointly(operands, ([parameter, gradient, ...slots]) => {
    const moved = optimizer.update({ parameter: parameter!, gradient: gradient!, slots: bySlot(slots), settings });
    return [moved.parameter, ...slotNames.map((slot) => moved.slots[slot]!)];
  });
  return results.map(([parameter, ...slots]) => ({ parameter: parameter!, slots: bySlot(slots) }));
}

/**
 * Computes elementwise on several tensors as on one long vector.
 *
 * @param operands of each tensor, all of its shape
 * @returns the results of each tensor
 */
export function jointly(
  operands: readonly (readonly Value[])[],
  compute: (vectors: readonly Value[]) => readonly Value[],
): Value[][] {
  const vectors = operands[0]!.map((_, i) => concat(operands.map((own) => vectorOf(own[i]!))));
  const results = compute(vectors);
  let start = 0;
  return operands.map(([first]) => {
    const { shape } = first!;
    const [from, length] = [start, sizeOf(shape)];
    start += length;
    return results.map((whole) => {
      const part = slice(whole, from, length);
      return shape.length === 1 ? part : reshape(part, shape);
    });
  });
}

function vectorOf(value: Value): Value {
  return value.shape.length === 1 ? value : reshape(value, [sizeOf(value.shape)]);
}
