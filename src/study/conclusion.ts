import { mostConfusedPairs } from "../evaluation/predictions.ts";
import type { Interval } from "../evaluation/significance.ts";
import { count, duration, percent } from "../report/format.ts";
import { LADDER, type LadderEntry } from "../report/ladder.ts";
import type { Gain, ModelResult, StudyReport } from "../report/report-data.ts";
import { intervalText, large, pText, spreadText } from "../report/wording.ts";
import { OUR_PAIR } from "./plan.ts";

/** The published network that the study names as the one it did not reach. */
const RESNET18 = "ResNet18 (kefth)";

/** Below this a difference is called certain; the usual level. */
const LEVEL = 0.05;

/** What the study's figures say, in paragraphs: what was gained, at what cost, where ResNet18 stands, what is left. */
export function conclusionOf(report: Omit<StudyReport, "conclusion">): string[] {
  const named = (name: string) => report.results.find((result) => result.name === name);
  const [base, enhanced] = [named(OUR_PAIR.base), named(OUR_PAIR.enhanced)];
  if (!base || !enhanced) throw new Error("a study has a run of each of its two recipes");
  const gain = report.gains.find((one) => one.enhanced === enhanced.name);
  const published = report.gains.find(({ base }) => named(base)?.origin.kind === "published");
  return [
    ...(report.isQuick
      ? [
          "This was a quick study, on a part of the images and for a few epochs: it shows that everything works, and its figures are no result.",
        ]
      : []),
    gained(base, enhanced, gain),
    ...(published ? [besideTheStudy(base, enhanced, published, named)] : []),
    cost(base, enhanced),
    ...besideResNet18(
      enhanced,
      LADDER.find(({ name }) => name === RESNET18),
    ),
    left(report),
  ];
}

function gained(base: ModelResult, enhanced: ModelResult, gain: Gain | undefined): string {
  const fewer = 1 - (1 - enhanced.accuracy.mean) / (1 - base.accuracy.mean);
  const mistakes =
    fewer >= 0 ? `${percent(fewer, 0)} of the mistakes are gone` : `there are ${percent(-fewer, 0)} more mistakes`;
  const sentences = [
    `The Enhanced Model reaches ${spreadText(enhanced.accuracy)} on the test images, ${stand(enhanced.accuracy.mean, base.accuracy.mean)} the Base Model's ${spreadText(base.accuracy)}: ${mistakes}.`,
  ];
  if (gain?.overSeeds) sentences.push(`Other seeds would give a difference ${range(gain.overSeeds)} (95 %).`);
  if (gain?.paired) {
    const { interval, p, onlyFirst, onlySecond } = gain.paired;
    const verdict =
      p < LEVEL
        ? "so large a difference is no chance of the test set"
        : "which the chance of the test set alone could explain";
    sentences.push(
      `Of one pair of runs, only the Enhanced Model is right on ${count(onlySecond)} images and only the Base Model on ${count(onlyFirst)}, a difference ${range(interval)} (95 %): ${verdict} (McNemar's ${pText(p)}).`,
    );
  }
  return sentences.join(" ");
}

function besideTheStudy(
  base: ModelResult,
  enhanced: ModelResult,
  published: Gain,
  named: (name: string) => ModelResult | undefined,
): string {
  const theirs = { base: named(published.base)!.accuracy.mean, enhanced: named(published.enhanced)!.accuracy.mean };
  const ours = enhanced.accuracy.mean - base.accuracy.mean;
  return `The study published ${percent(theirs.base)} and ${percent(theirs.enhanced)}, a gain of ${pointsOf(published.difference)} where there is ${ours < 0 ? "a loss" : "one"} of ${pointsOf(ours)} here. The same two kinds of network stand here ${stand(base.accuracy.mean, theirs.base)} (Base) and ${stand(enhanced.accuracy.mean, theirs.enhanced)} (Enhanced) its figures: how a network is trained (schedule, label smoothing, which augmentation) weighs ${Math.abs(base.accuracy.mean - theirs.base) > Math.abs(ours) ? "more than" : "about as much as"} which of the two it is.`;
}

function cost(base: ModelResult, enhanced: ModelResult): string {
  const sentences: string[] = [];
  if (base.multiplyAdds !== null && enhanced.multiplyAdds !== null) {
    sentences.push(
      `The gain costs ${times(enhanced.multiplyAdds / base.multiplyAdds)} the multiply-adds of an image (${large(enhanced.multiplyAdds)} against ${large(base.multiplyAdds)})`,
    );
  }
  if (base.seconds !== null && enhanced.seconds !== null && base.seconds > 0) {
    sentences.push(
      `${sentences.length > 0 ? "and " : "The gain costs "}${times(enhanced.seconds / base.seconds)} the training time (${duration(enhanced.seconds)} against ${duration(base.seconds)})`,
    );
  }
  const parameters =
    base.parameters !== null && enhanced.parameters !== null
      ? `; the parameters are ${count(enhanced.parameters)} against ${count(base.parameters)}`
      : "";
  return `${sentences.join(" ")}${parameters}.`;
}

/** The two test sets differ, so the claim can be set beside ours, not tested against it. */
function besideResNet18(enhanced: ModelResult, resnet: LadderEntry | undefined): string[] {
  if (!resnet || resnet.claimed === null) return [];
  const ours = enhanced.accuracy.mean;
  const today =
    resnet.clean === null
      ? ""
      : ` On today's images its author later gave ${percent(resnet.clean, 1)}, trained in another way; the Enhanced Model is ${stand(ours, resnet.clean)} that.`;
  const size =
    resnet.multiplyAdds !== null && enhanced.multiplyAdds !== null
      ? ` It takes ${times(resnet.multiplyAdds / enhanced.multiplyAdds)} the Enhanced Model's multiply-adds (${large(resnet.multiplyAdds)})${resnet.parameters !== null && enhanced.parameters !== null ? ` and ${times(resnet.parameters / enhanced.parameters)} its parameters (${large(resnet.parameters)})` : ""}.`
      : "";
  return [
    `ResNet18 of the published benchmarks claims ${percent(resnet.claimed, 1)}, on the data set's first release, which has other test images and a few duplicates: the Enhanced Model is ${stand(ours, resnet.claimed)} it.${today}${size}`,
  ];
}

function left(report: Omit<StudyReport, "conclusion">): string {
  const best = report.models.find(({ recipe }) => recipe === OUR_PAIR.enhanced) ?? report.models[0]!;
  const { confusion, perClass, correct, total } = best.test;
  const [pair] = mostConfusedPairs(confusion, { count: 1 });
  const worst = perClass.reduce((lowest, one) => (one.recall < lowest.recall ? one : lowest));
  const mistakes = total - correct;
  const name = (index: number) => perClass[index]!.label;
  const confused = pair
    ? `: ${count(pair.aAsB + pair.bAsA)} of them lie between ${name(pair.a)} and ${name(pair.b)}`
    : "";
  return `What is left: ${count(mistakes)} mistakes of ${best.recipe} in ${count(total)} images${confused}; of the class ${worst.label} ${percent(worst.recall, 1)} are found, the fewest.`;
}

function pointsOf(fraction: number): string {
  return `${(Math.abs(fraction) * 100).toFixed(2)} points`;
}

/** `0.42 points above` */
function stand(ours: number, other: number): string {
  return `${pointsOf(ours - other)} ${ours < other ? "below" : "above"}`;
}

function range(interval: Interval): string {
  return `${intervalText(interval)} points`;
}

function times(ratio: number): string {
  return `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(1)} times`;
}
