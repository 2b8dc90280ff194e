import { formatShape, sizeOf } from "../../../src/graph/shape.ts";
import { mean, repeat, repeatOp, sum, sumAxesOp, sumOp } from "../../../src/ops/reduce.ts";
import { blockedCopy, exact, type OpCase, ofMagnitude, ofResult } from "../../support/op-case.ts";
import { tensor } from "../../support/tensors.ts";

const SHAPES = [[], [1], [97], [5, 7], [129, 1], [1, 129], [3, 2, 4, 5]] as const;

export function reductionCases(block: number): OpCase[] {
  return [
    ...SHAPES.flatMap((shape): OpCase[] => {
      const [x, whole, one] = [
        tensor("x", shape, "uniform"),
        tensor("x", shape, "integers"),
        tensor("one", [], "uniform"),
      ];
      const name = formatShape(shape);
      const plain = { isBlocked: false, name };
      return [
        { ...plain, op: sumOp, inputs: [whole], y: sum(whole.value), bound: exact },
        {
          ...plain,
          op: sumOp,
          name: `mean, ${name}`,
          inputs: [x],
          y: mean(x.value),
          bound: ofMagnitude(sizeOf(shape) + 2, mean(x.value)),
        },
        {
          ...plain,
          op: repeatOp,
          name: `of a scalar, ${name}`,
          inputs: [one],
          y: repeat(one.value, shape, 1),
          bound: exact,
        },
        {
          ...plain,
          op: repeatOp,
          name: `a third of a scalar, ${name}`,
          inputs: [one],
          y: repeat(one.value, shape, 1 / 3),
          bound: ofResult(2),
        },
      ];
    }),
    ...overAxes(),
    blockedImages(block),
  ];
}

function overAxes(): OpCase[] {
  const sums = [[0], [1], [3], [0, 1], [0, 2], [2, 3], [1, 3], [0, 1, 2, 3], []].flatMap((axes): OpCase[] => {
    const [x, whole] = [tensor("x", [3, 2, 4, 5], "uniform"), tensor("x", [3, 2, 4, 5], "integers")];
    const terms = sizeOf(axes.map((axis) => x.value.shape[axis]!));
    const average = mean(x.value, axes);
    const plain = { op: sumAxesOp, isBlocked: false };
    return [
      { ...plain, name: `over ${axes}`, inputs: [whole], y: sum(whole.value, axes), bound: exact },
      { ...plain, name: `mean over ${axes}`, inputs: [x], y: average, bound: ofMagnitude(terms + 2, average) },
    ];
  });
  const repeated = [[], [5], [4, 1], [3, 1, 1, 5]].flatMap((shape): OpCase[] => {
    const x = tensor("x", shape, "uniform");
    const plain = { op: repeatOp, inputs: [x], isBlocked: false };
    return [
      { ...plain, name: formatShape(shape), y: repeat(x.value, [3, 2, 4, 5]), bound: exact },
      {
        ...plain,
        name: `a third of ${formatShape(shape)}`,
        y: repeat(x.value, [3, 2, 4, 5], 1 / 3),
        bound: ofResult(2),
      },
    ];
  });
  return [...sums, ...repeated];
}

/** Blocked images are converted first. */
function blockedImages(block: number): OpCase {
  const x = tensor("x", [2, block, 3, 2], "integers");
  return {
    op: sumOp,
    name: "blocked images",
    inputs: [x],
    y: sum(blockedCopy(x.value)),
    isBlocked: false,
    bound: exact,
  };
}
