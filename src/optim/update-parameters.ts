import { sizeOf } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { concat, slice } from "../ops/reshape.ts";
import type { Optimizer, UpdateInputs, UpdateResults } from "./optimizer.ts";

/** A parameter to update. */
export type ParameterUpdate = Omit<UpdateInputs, "settings">;

/**
 * Updates all parameters. Vectors (biases, batch norm's scales) are updated together, as one long vector: each is so
 * short that launching the dozen operations of its own update would cost more than computing them.
 *
 * @returns the results in the order of the parameters
 */
export function updateParameters(
  optimizer: Optimizer,
  parameters: readonly ParameterUpdate[],
  settings: UpdateInputs["settings"],
): UpdateResults[] {
  const vectors = parameters.filter(isVector);
  const moved = vectors.length > 1 ? updateTogether(optimizer, vectors, settings) : [];
  const together = new Map(moved.map((results, i) => [vectors[i]!, results]));
  return parameters.map((parameter) => together.get(parameter) ?? optimizer.update({ ...parameter, settings }));
}

function isVector({ parameter }: ParameterUpdate): boolean {
  return parameter.shape.length === 1;
}

function updateTogether(
  optimizer: Optimizer,
  vectors: readonly ParameterUpdate[],
  settings: UpdateInputs["settings"],
): UpdateResults[] {
  const slotNames = Object.keys(vectors[0]!.slots);
  const bySlot = (made: (slot: string) => Value) => Object.fromEntries(slotNames.map((slot) => [slot, made(slot)]));
  const together = optimizer.update({
    parameter: concat(vectors.map(({ parameter }) => parameter)),
    gradient: concat(vectors.map(({ gradient }) => gradient)),
    slots: bySlot((slot) => concat(vectors.map(({ slots }) => slots[slot]!))),
    settings,
  });
  let start = 0;
  return vectors.map(({ parameter }) => {
    const [from, length] = [start, sizeOf(parameter.shape)];
    start += length;
    return {
      parameter: slice(together.parameter, from, length),
      slots: bySlot((slot) => slice(together.slots[slot]!, from, length)),
    };
  });
}
