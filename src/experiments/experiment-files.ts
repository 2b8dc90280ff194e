/** The JSON files that mark the folder of each kind of experiment, and hold its result. */
export const EXPERIMENT_MARKERS = {
  study: "study.json",
  sweep: "sweep.json",
  ablation: "ablation.json",
  race: "race.json",
  seeds: "seeds.json",
  folds: "folds.json",
} as const;

/** Files of an experiment's folder about single runs, each an object by run or seed. */
export const RUN_NOTES = {
  /** Runs that diverged, by their folder in the experiment's: they are not trained again when it is resumed. */
  diverged: "diverged.json",
  /** Seconds of an epoch of `base` by seed, in races of earlier versions; now each run's record has its own. */
  baseEpochs: "base-epochs.json",
} as const;
