import type { RunSummary } from "../src/server/api-types.ts";

const DATE = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** `24 Nov 2025, 00:12`, in the browser's time zone. */
export function dateText(iso: string): string {
  return DATE.format(new Date(iso));
}

export function isRunning({ status }: Pick<RunSummary, "status">): boolean {
  return status === "running";
}

/** Whether the run has a model for predictions. */
export function hasModel({ status }: Pick<RunSummary, "status">): boolean {
  return status === "finished" || status === "imported";
}

/** `4.0e-3` */
export function rateText(rate: number): string {
  return rate.toExponential(1);
}

/** `8`, or `8 (the recipe's 128 is for more images)` where it was adapted to the number of images. */
export function fittedText(value: number, before: number | undefined): string {
  return before === undefined || before === value
    ? String(value)
    : `${value} (the recipe's ${before} is for more images)`;
}
