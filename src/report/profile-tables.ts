import type { RunProfile, StepProfile } from "../bench/profile.ts";
import { percent, table } from "../text.ts";

/** Time of a training step by kind of operation and by layer: lines for a terminal. */
export function profileLines({ steps, stepMilliseconds, byKind, byLayer }: StepProfile): string[] {
  const kinds = byKind.map(({ kind, milliseconds, share, gflops }) => [
    kind,
    time(milliseconds),
    percent(share, 1),
    gflops === null ? "" : gflops.toFixed(0),
  ]);
  const layers = byLayer.map(({ layer, forward, backward, update, milliseconds, share }) => [
    layer,
    ...[forward, backward, update].map((part) => (part === null ? "" : time(part))),
    time(milliseconds),
    percent(share, 1),
  ]);
  const total = ["total", time(stepMilliseconds), percent(1, 1)];
  return [
    `time of a step in milliseconds, mean of ${steps} with the profiler on`,
    "",
    ...table([["kind", "ms", "share", "GFLOP/s"], ...kinds, [...total, ""]]),
    "",
    ...table([
      ["layer", "forward", "backward", "update", "ms", "share"],
      ...layers,
      [total[0]!, "", "", "", ...total.slice(1)],
    ]),
  ];
}

/** As `profileLines`, for a run: its speed first. */
export function runProfileLines(profile: RunProfile): string[] {
  const speed = `${profile.gflops.toFixed(0)} GFLOP/s over whole steps (a multiply-add is 2 FLOP)`;
  return ["", speed, ...profileLines(profile)];
}

function time(milliseconds: number): string {
  return milliseconds.toFixed(3);
}
