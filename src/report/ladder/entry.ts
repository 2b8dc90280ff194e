import { count } from "../../text.ts";
import { type Html, html } from "../html.ts";
import type { StudyReport } from "../report-data.ts";

/** The setting and the protocol, for reproduction. */
export function howItWasMade({ setting, models }: StudyReport): Html[] {
  const { cpu, cores, threads, versions } = setting;
  const facts: [string, string | Html][] = [
    ["Command", html`<code>${setting.command}</code>`],
    ["Date", setting.date.replace(/T(\d\d:\d\d).*Z$/, ", $1 UTC")],
    ["Commit", setting.commit ?? "unknown: not made in a checkout"],
    ["Processor", `${cpu}, ${cores} cores; ${threads} threads`],
    ["Versions", `tailor ${versions.tailor}, Node ${versions.node}, ONNX Runtime ${versions.onnxruntime}`],
    ["Data", setting.dataSource],
    ...models.map(({ recipe, description }): [string, string] => [`Recipe ${recipe}`, description]),
    ...models.map(({ recipe, runs }): [string, Html] => [
      `Runs of ${recipe}`,
      html`${runs.map(({ path, seed }, i) => html`${i > 0 ? ", " : null}<code>${path}</code> (seed ${seed})`)}`,
    ]),
  ];
  return [
    html`<dl>${facts.map(([term, fact]) => html`<dt>${term}</dt><dd>${fact}</dd>\n`)}</dl>\n`,
    html`<h3>Protocol</h3>\n<ul>${protocol(setting).map((rule) => html`<li>${rule}</li>\n`)}</ul>`,
  ];
}

function protocol({ trainImages, validationImages, testImages }: StudyReport["setting"]): string[] {
  return [
    `${count(trainImages)} images train and ${count(validationImages)} validate: a stratified split of the training images with a fixed seed. The validation images choose everything that is chosen.`,
    `Each run is tested on the ${count(testImages)} test images after its last epoch; nothing was chosen by them.`,
    "The weights are those of the last epoch; no epoch is picked.",
    "No test-time averaging: a second pass over the test images, averaged with their mirror images, is shown under Calibration for comparison only.",
  ];
}

/** One published result on Fashion-MNIST's test images. What the columns mean and what was checked: docs/ladder.md. */
export interface LadderEntry {
  /** Short enough for a plot's label. */
  readonly name: string;
  /** Test accuracy as its author published it, 0 to 1. */
  readonly claimed: number | null;
  /** Test accuracy on the de-duplicated data; equals `claimed` where that is on this data. */
  readonly clean: number | null;
  /** Trainable parameters: without running statistics, and without weights that the code never trains. */
  readonly parameters: number | null;
  /** Forward pass of one 28x28 image, in convolutions and matrix products. */
  readonly multiplyAdds: number | null;
  readonly epochs: number | null;
  readonly hardware: string | null;
  /** The data of `claimed`: the release of 31 August 2017, or the one before. */
  readonly data: "de-duplicated" | "before de-duplication" | "unknown";
  readonly kind: "study" | "course-type baseline" | "published";
  readonly source: string;
  /** One sentence. */
  readonly note?: string;
}

type Known = "name" | "claimed" | "clean" | "data" | "kind" | "source";

/** Creates an entry of the ladder; omitted costs are null (unknown). */
export function rung(entry: Pick<LadderEntry, Known> & Partial<LadderEntry>): LadderEntry {
  return { parameters: null, multiplyAdds: null, epochs: null, hardware: null, ...entry };
}
