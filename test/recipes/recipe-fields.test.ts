import { describe, expect, test } from "vitest";
import { base, baseLong, enhanced } from "../../src/recipes/index.ts";
import { applicableChanges, changeableFields, changeRecipe } from "../../src/recipes/recipe-fields.ts";
import { userErrorOf } from "../runs/support/helpers.ts";

describe("a recipe's fields", () => {
  test("are those it has and may have, for each object those of its kind, without its name", () => {
    const fields = changeableFields(base);
    expect(fields).toEqual(
      expect.arrayContaining([
        "model",
        "epochs",
        "schedule.riseFraction",
        "optimizer.kind",
        "optimizer.betas",
        "augmentation.randomErasing.probability",
        "averaging.decay",
      ]),
    );
    for (const absent of ["name", "description", "schedule.factor", "optimizer.momentum", "optimizer"]) {
      expect(fields).not.toContain(absent);
    }
    expect(changeableFields(enhanced)).toContain("optimizer.momentum");
  });
});

describe("changing fields", () => {
  test("changes one field only, and not the original recipe", () => {
    const before = JSON.stringify(base);
    expect(changeRecipe(base, { learningRate: 0.01, "augmentation.shift": 2 })).toEqual({
      ...base,
      learningRate: 0.01,
      augmentation: { ...base.augmentation, shift: 2 },
    });
    expect(JSON.stringify(base)).toBe(before);
  });

  test("to null removes an optional field", () => {
    expect(changeRecipe(base, { "augmentation.horizontalFlip": null }).augmentation).toEqual({ shift: 1 });
  });

  test("creates missing objects", () => {
    const changes = { "averaging.decay": 0.99, "averaging.kind": "exponential" };
    expect(changeRecipe(base, changes).averaging).toEqual({ kind: "exponential", decay: 0.99 });
  });

  test("to another kind replaces the object, in any order; the other fields are those of the new kind", () => {
    const changes = { "schedule.finalFactor": 0.1, "schedule.kind": "cosine" };
    expect(changeRecipe(base, changes).schedule).toEqual({ kind: "cosine", finalFactor: 0.1 });
    expect(changeRecipe(base, { "optimizer.momentum": 0.8, "optimizer.kind": "sgd" }).optimizer).toEqual({
      kind: "sgd",
      momentum: 0.8,
    });
  });

  test("to the same kind keeps the other fields of the object", () => {
    expect(changeRecipe(baseLong, { "optimizer.kind": "muon" }).optimizer).toEqual(baseLong.optimizer);
    expect(changeRecipe(baseLong, { "optimizer.kind": "adam" }).optimizer).toEqual({ kind: "adam" });
  });

  test.each([
    [{ "averaging.kind": null }, "averaging"],
    [{ averaging: null }, "averaging"],
    [{ "augmentation.randomErasing": null }, "augmentation.randomErasing"],
  ])("%j removes an optional object", (changes, part) => {
    const averaged = changeRecipe(baseLong, { "averaging.kind": "exponential", "averaging.decay": 0.99 });
    const changed = changeRecipe(averaged, changes);
    expect(changed.averaging === undefined).toBe(part === "averaging");
    expect(changed.augmentation.randomErasing === undefined).toBe(part === "augmentation.randomErasing");
    // It may be missing already.
    expect(changeRecipe(changed, changes)).toEqual(changed);
  });

  test("drops changes that do not apply to the chosen kinds", () => {
    const changes = { "optimizer.betas": [0.9, 0.99], "optimizer.momentum": 0.8, learningRate: 1e-2 };
    expect(applicableChanges(base, { ...changes, "optimizer.kind": "sgd" })).toEqual({
      "optimizer.momentum": 0.8,
      learningRate: 1e-2,
      "optimizer.kind": "sgd",
    });
    expect(applicableChanges(base, changes)).toEqual({ "optimizer.betas": [0.9, 0.99], learningRate: 1e-2 });
    const without = { "averaging.decay": 0.9, "averaging.kind": null };
    expect(applicableChanges(base, without)).toEqual({ "averaging.kind": null });
    expect(applicableChanges(base, { "augmentation.randomErasing": null })).toEqual({
      "augmentation.randomErasing": null,
    });
  });

  test("to another model uses its name", () => {
    expect(changeRecipe(base, { model: "enhanced" }).model).toBe(enhanced.model);
  });

  test.each([
    [
      { "optimizer.learningRate": 1 },
      /^there is no field "optimizer\.learningRate" to change in recipe base; there are: epochs, .*learningRate, .*optimizer\.epsilon.*model$/,
    ],
    [{ "optimizer.momentum": 0.9 }, /^there is no field "optimizer\.momentum"/],
    [{ optimizer: "sgd" }, /^there is no field "optimizer" /],
    [{ name: "other" }, /^there is no field "name"/],
    [
      { learningRate: "fast" },
      /^recipe base with learningRate=fast: recipe field "learningRate": expected number, found "fast"$/,
    ],
    [{ labelSmoothing: null }, /recipe field "labelSmoothing": expected number, found nothing$/],
    [{ schedule: null }, /^there is no field "schedule"/],
    [{ "schedule.kind": null }, /recipe field "schedule\.kind": expected 'constant' \| .* found nothing/],
    [{ "averaging.decay": 0.9 }, /recipe field "averaging\.kind": expected "exponential", found nothing$/],
    [{ batchSize: 1.5 }, /^batch size must be a whole number/],
    [{ model: "vgg" }, /^there is no model "vgg"/],
  ])("%j is refused", (changes, message) => {
    const error = userErrorOf(() => changeRecipe(base, changes));
    expect(error.exitCode).toBe(2);
    expect(error.message).toMatch(message);
  });
});
