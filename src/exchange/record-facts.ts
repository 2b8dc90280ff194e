import type { AnyRunRecord } from "../runs/run-record.ts";

/**
 * Where a network comes from and how good it was found to be, as text fields for the files that hold it. Accuracies are
 * fractions from 0 to 1; on the test images with the counts behind them.
 */
export function recordFacts(record: AnyRunRecord): Record<string, string> {
  const test = record.evaluations?.test;
  return {
    producer: `tailor ${record.versions.tailor}`,
    ...(record.commit === null ? {} : { commit: record.commit }),
    ...originFacts(record),
    ...(test ? { testAccuracy: `${test.accuracy} (${test.correct} of ${test.total})` } : {}),
  };
}

function originFacts(record: AnyRunRecord): Record<string, string> {
  if (record.status === "imported") {
    const { source, weightsSha256 } = record;
    // The name only: the file is handed on and served, and where it lay is nobody's business.
    const name = source.file.split(/[\\/]/).at(-1)!;
    return { importedFrom: `${name} (SHA-256 ${source.sha256})`, weightsSha256 };
  }
  const { recipeName, seed, epochs, data, result } = record;
  return {
    recipe: recipeName,
    seed: String(seed),
    epochs: String(epochs),
    trainImages: String(data.trainImages),
    ...(result === null ? {} : { weightsSha256: result.weightsSha256 }),
    ...(result?.validationAccuracy == null ? {} : { validationAccuracy: String(result.validationAccuracy) }),
  };
}
