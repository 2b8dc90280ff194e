import { COURSE_TYPE } from "./course-type-baselines.ts";
import { type LadderEntry, rung } from "./entry.ts";
import { PUBLISHED } from "./published-networks.ts";

const STUDY: readonly LadderEntry[] = [
  { name: "Base (study)", accuracy: 0.9165 },
  { name: "Enhanced (study)", accuracy: 0.9268 },
].map(({ name, accuracy }) =>
  rung({
    name,
    claimed: accuracy,
    clean: accuracy,
    epochs: 70,
    data: "de-duplicated",
    kind: "study",
    source: "https://github.com/siuLongBao/fashion-mnist",
    note: "Epochs read off its published curves; its exact layers are not published.",
  }),
);

/** Published results, the study first, then by kind and claimed accuracy. */
export const LADDER: readonly LadderEntry[] = [...STUDY, ...COURSE_TYPE, ...PUBLISHED];
