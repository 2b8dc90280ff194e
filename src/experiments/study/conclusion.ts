import { mostConfusedPairs } from "../../evaluation/predictions.ts";
import type { Interval } from "../../evaluation/significance.ts";
import { LADDER } from "../../report/ladder/ladder.ts";
import type { Gain, ModelResult, StudyReport } from "../../report/report-data.ts";
import { intervalText, large, listText, pText, spreadText } from "../../report/wording.ts";
import { count, duration, percent } from "../../text.ts";
import { OUR_PAIR, REPEATED_STUDY_PAIR } from "./plan.ts";

/** The published network that the study mentions as better than its own. */
const RESNET18 = "ResNet18 (kefth)";

/** Another author's network of the same layers (docs/ladder.md). */
const SAME_AS_RESNET18 = "ResNet-14 (QtSignal)";

/** Significance level. */
const LEVEL = 0.05;

/** The study's conclusion in paragraphs: the gain, its cost, a comparison with ResNet18, and what is left. */
export function conclusionOf(report: Omit<StudyReport, "conclusion">): string[] {
  const named = (name: string) => report.results.find((result) => result.name === name);
  const [base, enhanced] = [named(OUR_PAIR.base), named(OUR_PAIR.enhanced)];
  if (!base || !enhanced) throw new Error("a study has a run of each of its two recipes");
  const gain = report.gains.find((one) => one.enhanced === enhanced.name);
  const published = report.gains.find((one) => named(one.base)?.origin.kind === "published");
  const isComparable = report.isFashionMnist && !report.isQuick;
  return [
    ...(report.isQuick
      ? ["This was a quick study: it shows that everything works, and its figures are no result."]
      : []),
    gained(base, enhanced, gain),
    ...(isComparable && published ? [besideTheStudy(base, enhanced, published, named)] : []),
    cost(base, enhanced),
    ...(report.overResNet18.length > 0 ? besideTrainedResNet18(report) : isComparable ? besideResNet18(enhanced) : []),
    left(report),
  ];
}

function gained(base: ModelResult, enhanced: ModelResult, gain: Gain | undefined): string {
  const sentences = [
    `The Enhanced Model reaches ${spreadText(enhanced.accuracy)} on the test images, ${stand(enhanced.accuracy.mean, base.accuracy.mean)} the Base Model's ${spreadText(base.accuracy)}${mistakesText(base.accuracy.mean, enhanced.accuracy.mean)}.`,
  ];
  if (gain?.overSeeds) {
    sentences.push(`Over seeds, the 95 % confidence interval of the difference is ${range(gain.overSeeds)}.`);
  }
  if (gain?.paired) {
    const { interval, p, onlyFirst, onlySecond } = gain.paired;
    const verdict =
      p < LEVEL
        ? "a difference as large would be rare if both were equally good"
        : "the chance of the test images alone could explain it";
    sentences.push(
      `Of the first seed's two runs, only the Enhanced Model is right on ${count(onlySecond)} images and only the Base Model on ${count(onlyFirst)}; the 95 % interval of their difference over test images is ${range(interval)}, and ${verdict} (McNemar's ${pText(p)}).`,
    );
  }
  return sentences.join(" ");
}

/** `: 15 % of the mistakes are gone`; nothing when there is nothing to say. */
function mistakesText(base: number, enhanced: number): string {
  if (base === 1 || base === enhanced) return "";
  const fewer = 1 - (1 - enhanced) / (1 - base);
  return fewer > 0
    ? `: ${percent(fewer, 0)} of the mistakes are gone`
    : `: there are ${percent(-fewer, 0)} more mistakes`;
}

function besideTheStudy(
  base: ModelResult,
  enhanced: ModelResult,
  published: Gain,
  named: (name: string) => ModelResult | undefined,
): string {
  const theirs = { base: named(published.base)!.accuracy.mean, enhanced: named(published.enhanced)!.accuracy.mean };
  const ours = enhanced.accuracy.mean - base.accuracy.mean;
  const sentences = [
    `The study published ${percent(theirs.base)} and ${percent(theirs.enhanced)}, a gain of ${pointsOf(published.difference)}; here there is ${ours < 0 ? "a loss" : "one"} of ${pointsOf(ours)}, and the two networks stand ${stand(base.accuracy.mean, theirs.base)} (Base) and ${stand(enhanced.accuracy.mean, theirs.enhanced)} (Enhanced) its figures.`,
  ];
  const asTrained = named(REPEATED_STUDY_PAIR.base);
  if (asTrained) {
    const recipe = base.accuracy.mean - asTrained.accuracy.mean;
    sentences.push(
      `Trained as the study did, the same Base network reaches ${spreadText(asTrained.accuracy)}: the recipe alone makes ${pointsOf(recipe)} ${recipe < 0 ? "less" : "more"}.`,
    );
  }
  return sentences.join(" ");
}

function cost(base: ModelResult, enhanced: ModelResult): string {
  const parts: string[] = [];
  if (base.multiplyAdds !== null && enhanced.multiplyAdds !== null) {
    const [ours, other] = [enhanced.multiplyAdds, base.multiplyAdds];
    parts.push(
      `${times(ours / other)} the Base Model's multiply-adds for an image (${large(ours)} against ${large(other)})`,
    );
  }
  if (base.seconds !== null && enhanced.seconds !== null && base.seconds > 0) {
    const [ours, other] = [enhanced.seconds, base.seconds];
    parts.push(`${times(ours / other)} its training time (${duration(ours)} against ${duration(other)})`);
  }
  const parameters =
    base.parameters !== null && enhanced.parameters !== null
      ? `; the parameters are ${count(enhanced.parameters)} against ${count(base.parameters)}`
      : "";
  return `The Enhanced Model takes ${parts.join(" and ")}${parameters}.`;
}

/** The best of ours beside the best ResNet18, both trained here on the same images. */
function besideTrainedResNet18({ results, overResNet18 }: Omit<StudyReport, "conclusion">): string[] {
  const named = (name: string) => results.find((result) => result.name === name)!;
  const best = (names: readonly string[]) =>
    names.map(named).reduce((one, other) => (other.accuracy.mean > one.accuracy.mean ? other : one));
  const ours = best(overResNet18.map(({ enhanced }) => enhanced));
  const resnet = best(overResNet18.map(({ base }) => base));
  const gain = overResNet18.find(({ base, enhanced }) => base === resnet.name && enhanced === ours.name)!;
  const evidence = [
    ...(gain.overSeeds ? [`95 % interval over seeds ${range(gain.overSeeds)}`] : []),
    ...(gain.paired ? [`first seed's runs, image by image: McNemar's ${pText(gain.paired.p)}`] : []),
  ];
  const isShown = gain.overSeeds
    ? gain.overSeeds.low > 0 || gain.overSeeds.high < 0
    : gain.paired !== null && gain.paired.p < LEVEL;
  const verdict = !isShown
    ? "which chance could explain"
    : gain.difference > 0
      ? "so ours is better"
      : "so ResNet18 is better";
  const told = evidence.length > 0 ? ` (${evidence.join("; ")})` : "";
  const costs = [
    ...(ours.multiplyAdds !== null && resnet.multiplyAdds !== null
      ? [
          `${percent(ours.multiplyAdds / resnet.multiplyAdds, 0)} of its multiply-adds (${large(ours.multiplyAdds)} against ${large(resnet.multiplyAdds)})`,
        ]
      : []),
    ...(ours.parameters !== null && resnet.parameters !== null
      ? [
          `${percent(ours.parameters / resnet.parameters, 0)} of its parameters (${large(ours.parameters)} against ${large(resnet.parameters)})`,
        ]
      : []),
    ...(ours.seconds !== null && resnet.seconds !== null && resnet.seconds > 0
      ? [
          `${percent(ours.seconds / resnet.seconds, 0)} of its training time (${duration(ours.seconds)} against ${duration(resnet.seconds)})`,
        ]
      : []),
  ];
  return [
    `ResNet18, trained here on the same images (${resnet.name}), reaches ${spreadText(resnet.accuracy)}; ${ours.name} with ${spreadText(ours.accuracy)} is ${stand(ours.accuracy.mean, resnet.accuracy.mean)} it${told}, ${verdict}. It takes ${listText(costs)}.`,
  ];
}

/** The two test sets differ, so the claim can be compared with ours, but not tested statistically. */
function besideResNet18(enhanced: ModelResult): string[] {
  const entry = (name: string) => LADDER.find((one) => one.name === name);
  const [resnet, same] = [entry(RESNET18), entry(SAME_AS_RESNET18)];
  if (!resnet || resnet.claimed === null) return [];
  const ours = enhanced.accuracy.mean;
  const today = [
    ...(resnet.clean === null ? [] : [`its author later gave ${percent(resnet.clean, 1)}, trained in another way`]),
    ...(same === undefined || same.clean === null
      ? []
      : [`the same network reached ${percent(same.clean, 1)} with another author`]),
  ];
  const best = Math.max(resnet.clean ?? 0, same?.clean ?? 0);
  const sentences = [
    `ResNet18 of the published benchmarks claims ${percent(resnet.claimed, 1)}, on the data set's first release, which has other test images and a few duplicates: the Enhanced Model is ${stand(ours, resnet.claimed)} it.`,
    ...(today.length > 0
      ? [`On today's images ${today.join(", and ")}; the Enhanced Model is ${stand(ours, best)} the better of these.`]
      : []),
  ];
  if (resnet.multiplyAdds !== null && enhanced.multiplyAdds !== null) {
    const parameters =
      resnet.parameters !== null && enhanced.parameters !== null
        ? ` and ${times(resnet.parameters / enhanced.parameters)} its parameters (${large(resnet.parameters)})`
        : "";
    sentences.push(
      `ResNet18 takes ${times(resnet.multiplyAdds / enhanced.multiplyAdds)} the Enhanced Model's multiply-adds (${large(resnet.multiplyAdds)})${parameters}.`,
    );
  }
  return [sentences.join(" ")];
}

function left(report: Omit<StudyReport, "conclusion">): string {
  const best = report.models.find(({ recipe }) => recipe === OUR_PAIR.enhanced) ?? report.models[0]!;
  const { confusion, perClass, correct, total } = best.test;
  const of = `${best.recipe}'s first seed`;
  if (correct === total) return `What is left: nothing; ${of} has all ${count(total)} test images right.`;
  const [pair] = mostConfusedPairs(confusion, { count: 1 });
  const worst = perClass
    .filter(({ support }) => support > 0)
    .reduce((lowest, one) => (one.recall < lowest.recall ? one : lowest));
  const name = (index: number) => perClass[index]!.label;
  const confused = pair
    ? `: ${count(pair.aAsB + pair.bAsA)} of them lie between ${name(pair.a)} and ${name(pair.b)}`
    : "";
  return `What is left: ${count(total - correct)} mistakes of ${of} in ${count(total)} test images${confused}; of the class ${worst.label} ${percent(worst.recall, 1)} are found, the fewest.`;
}

function pointsOf(fraction: number): string {
  return `${(Math.abs(fraction) * 100).toFixed(2)} points`;
}

/** `0.42 points above`, `as high as` */
function stand(ours: number, other: number): string {
  if (ours === other) return "as high as";
  return `${pointsOf(ours - other)} ${ours < other ? "below" : "above"}`;
}

function range(interval: Interval): string {
  return `${intervalText(interval)} points`;
}

function times(ratio: number): string {
  return `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(1)} times`;
}
