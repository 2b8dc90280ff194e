import { describe, expect, test } from "vitest";
import { candidateResult, halvingRungs, planCandidate, ranked } from "../../src/experiments/sweep.ts";
import {
  type Candidate,
  candidatesOf,
  checkFields,
  drawCandidates,
  parseVariation,
} from "../../src/experiments/variations.ts";
import { base } from "../../src/recipes/index.ts";
import { applicableChanges } from "../../src/recipes/recipe-fields.ts";
import { userErrorOf } from "../runs/support/helpers.ts";
import { sampleRecord } from "../runs/support/samples.ts";

describe("successive halving", () => {
  test.each([
    [
      27,
      27,
      [
        [1, 27],
        [3, 9],
        [9, 3],
        [27, 1],
      ],
    ],
    [
      9,
      12,
      [
        [1, 9],
        [4, 3],
        [12, 1],
      ],
    ],
    [
      10,
      12,
      [
        [1, 10],
        [4, 4],
        [12, 2],
      ],
    ],
    [
      4,
      12,
      [
        [4, 4],
        [12, 2],
      ],
    ],
    [2, 12, [[12, 2]]],
    [
      9,
      3,
      [
        [1, 9],
        [3, 3],
      ],
    ],
    [100, 1, [[1, 100]]],
  ])("of %i candidates and %i epochs has rungs %j", (candidates, epochs, rungs) => {
    expect(halvingRungs(candidates, epochs)).toEqual(rungs.map(([e, c]) => ({ epochs: e, candidates: c })));
  });
});

describe("candidates", () => {
  test("are the recipe with the changes, which identify them", () => {
    const [first, second] = candidatesOf(base, [{ learningRate: 0.002 }, { learningRate: 0.008, batchSize: 64 }]);
    expect(first!.recipe).toEqual({ ...base, learningRate: 0.002, name: "base learningRate=0.002" });
    expect(second!.recipe).toMatchObject({
      learningRate: 0.008,
      batchSize: 64,
      name: "base learningRate=0.008 batchSize=64",
    });
  });

  test("are refused if there is only one", () => {
    const { message, exitCode } = userErrorOf(() => candidatesOf(base, [{ learningRate: 0.002 }]));
    expect({ message, exitCode }).toEqual({
      message: "a sweep needs at least two candidates; give `over` more values",
      exitCode: 2,
    });
  });

  test("of different kinds have the fields of their kind, without duplicates", () => {
    const grid = ["adam", "muon"].flatMap((kind) =>
      [0.8, 0.9].map((momentum) => ({ "optimizer.kind": kind, "optimizer.momentum": momentum })),
    );
    expect(candidatesOf(base, grid).map(({ recipe }) => recipe.optimizer)).toEqual([
      base.optimizer,
      { kind: "muon", momentum: 0.8 },
      { kind: "muon", momentum: 0.9 },
    ]);
  });

  test.each([
    [["optimizer.momentum=0.8,0.9"], /^there is no field "optimizer\.momentum" to change in recipe base/],
    [["optimizer.kind=adam", "optimizer.momentum=0.8..0.9"], /^there is no field "optimizer\.momentum"/],
    [
      ["optimizer.kind=sgd,muon", "optimizer.betas=[0.9,0.99],[0.8,0.99]"],
      /^no candidate has the field "optimizer\.betas"/,
    ],
    [["averaging.kind=none", "averaging.decay=0.9,0.99"], /^no candidate has the field "averaging\.decay"/],
    [["averaging.kind=exponential,none", "averaging.decay=0.9,0.99"], undefined],
    [["optimizer.kind=adam,muon", "optimizer.momentum=0.8..0.9"], undefined],
    [["augmentation.randomErasing=none", "learningRate=1,2"], undefined],
  ])("of %j: a field of a kind that is not tried is refused", (over, message) => {
    const check = () => checkFields(base, over.map(parseVariation));
    if (message) expect(userErrorOf(check).message).toMatch(message);
    else expect(check).not.toThrow();
  });

  test("cannot change a whole object", () => {
    const parts = [{ averaging: null }, { averaging: "exponential" }];
    expect(userErrorOf(() => candidatesOf(base, parts)).message).toBe(
      '"averaging" takes none only; its fields are averaging.kind, averaging.decay',
    );
  });

  test("are drawn in the requested number, although some fields are of one kind only", () => {
    const variations = ["optimizer.kind=adam,muon", "optimizer.momentum=0.8..0.99"].map(parseVariation);
    const drawn = drawCandidates(variations, 20, (changes) => applicableChanges(base, changes));
    expect(candidatesOf(base, drawn)).toHaveLength(20);
    expect(drawn.filter((changes) => changes["optimizer.kind"] === "adam")).toHaveLength(1);
  });

  test("of many fields have different folder names of allowed length", () => {
    const changes = (last: number) => ({
      "augmentation.randomErasing.probability": 0.123456,
      "augmentation.randomErasing.areaFraction": [0.0212345, 0.212345],
      "augmentation.randomErasing.aspectRatio": [0.3123456, 3.31234567],
      "augmentation.randomErasing.fill": "random",
      "augmentation.shift": last,
    });
    const names = candidatesOf(base, [changes(1), changes(2)]).map(
      (candidate) => planCandidate(candidate, 4, { out: "", seeds: 1, limit: null })[0]!.path.split("/").at(-1)!,
    );
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name.length).toBeLessThan(160);
  });

  test("train on the split, in separate folders by changes, epochs and seed", () => {
    const changes = { learningRate: 0.002, "optimizer.betas": [0.9, 0.99] };
    const [candidate] = candidatesOf(base, [changes, { learningRate: 1 }]);
    const runs = planCandidate(candidate!, 4, { out: "out", seeds: 2, limit: 500 });
    expect(runs.map(({ path, seed }) => [path, seed])).toEqual([
      ["out/runs/learningRate=0.002+optimizer.betas=[0.9,0.99]-e4-s1", 1],
      ["out/runs/learningRate=0.002+optimizer.betas=[0.9,0.99]-e4-s2", 2],
    ]);
    const files = [changes, { model: "enhanced" }].map((own) => {
      const [first] = candidatesOf(base, [own, { learningRate: 1 }]);
      return planCandidate(first!, 4, { out: "out", recipeFile: "mine.mjs", seeds: 1, limit: null })[0]!.recipeFile;
    });
    expect(files).toEqual(["mine.mjs", undefined]);
    expect(runs[0]).toMatchObject({ trainOn: "split", limit: 500, recipe: { epochs: 4, learningRate: 0.002 } });
  });
});

describe("results", () => {
  const [candidate] = candidatesOf(base, [{ learningRate: 0.002 }, { learningRate: 0.004 }]) as [Candidate];
  const planned = planCandidate(candidate, 4, { out: "out", seeds: 2, limit: null });
  const trained = (accuracies: readonly number[]) =>
    accuracies.map((validationAccuracy, i) => ({
      ...planned[i]!,
      record: {
        ...sampleRecord,
        status: "finished" as const,
        result: {
          trainLoss: 0.1,
          trainAccuracy: 1,
          validationLoss: 1 - validationAccuracy,
          validationAccuracy,
          imagesPerSecond: 1,
          seconds: 10,
          peakMemoryBytes: 1,
          weightsSha256: "00".repeat(32),
        },
      },
    }));
  const result = (accuracies: readonly number[], epochs = 4) =>
    candidateResult(candidate, { epochs, planned, trained: trained(accuracies) });

  test("are means over the seeds; one seed that diverged leaves none", () => {
    expect(result([0.9, 0.8])).toMatchObject({ accuracy: { mean: expect.closeTo(0.85, 12), n: 2 }, seconds: 20 });
    expect(result([0.9, 0.8]).loss).toBeCloseTo(0.15, 12);
    expect(result([0.9])).toMatchObject({ accuracy: null, loss: null, seconds: 10 });
  });

  test("are ranked by rung, accuracy and loss; diverged ones are last", () => {
    const [good, better, early, lost] = [
      result([0.8, 0.8], 12),
      result([0.9, 0.9], 12),
      result([1, 1], 4),
      result([], 12),
    ];
    expect(ranked([lost, early, good, better])).toEqual([better, good, early, lost]);
    // Epochs that the sweep itself varies are no rungs: the more accurate one wins.
    const [long, short] = [good!, early!].map((one) => ({ ...one, changes: { epochs: one.epochs } }));
    expect(ranked([long!, short!])).toEqual([short, long]);
    const tied = { ...better, loss: 0.05 };
    expect(ranked([better, tied])).toEqual([tied, better]);
  });
});
