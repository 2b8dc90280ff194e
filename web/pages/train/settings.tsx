import { useId } from "react";
import type { RecipeAdjustments } from "../../../src/recipes/adjust-recipe.ts";
import { type FittedValues, fitValues } from "../../../src/recipes/fit-to-images.ts";
import { MAX_EPOCHS } from "../../../src/recipes/recipe.ts";
import { DEVICES, type DeviceChoice } from "../../../src/runtime/webgpu/device.ts";
import type { RecipeSummary } from "../../../src/server/api-types.ts";
import { count, counted } from "../../../src/text.ts";
import { rateText } from "../../format.ts";

/** A recipe's values for a number of images, where they are not given. */
export function fittedTo(
  { epochs, batchSize, multiplyAdds }: RecipeSummary,
  images: number,
  { epochs: givenEpochs, batchSize: givenBatch }: RecipeAdjustments,
): Pick<FittedValues, "epochs" | "batchSize"> {
  return fitValues(
    { epochs: givenEpochs ?? epochs, batchSize: givenBatch ?? batchSize, multiplyAdds: () => multiplyAdds },
    {
      images,
      given: [
        ...(givenEpochs === undefined ? [] : (["epochs"] as const)),
        ...(givenBatch === undefined ? [] : (["batchSize"] as const)),
      ],
    },
  );
}

interface FittedLineProps {
  readonly images: number;
  readonly recipe: RecipeSummary;
  readonly adjustments: RecipeAdjustments;
}

/** What batch size and epochs the number of images leads to. */
export function FittedLine({ images, recipe, adjustments }: FittedLineProps) {
  const { epochs, batchSize } = fittedTo(recipe, images, adjustments);
  const wanted = { epochs: adjustments.epochs ?? recipe.epochs, batchSize: adjustments.batchSize ?? recipe.batchSize };
  const isFitted = epochs !== wanted.epochs || batchSize !== wanted.batchSize;
  return (
    <p className="note" role="status">
      {counted(images, "image")} to train on: batches of {count(batchSize)}, {counted(epochs, "epoch")}
      {isFitted && `, adapted to so few images; the recipe has ${count(recipe.batchSize)} and ${count(recipe.epochs)}`}.
    </p>
  );
}

interface SettingsProps {
  readonly value: RecipeAdjustments;
  readonly recipe: RecipeSummary | undefined;
  /** Batch size that results where none is given, if known. */
  readonly batchSize: number | undefined;
  /** Number of available training images; undefined while unknown. */
  readonly images: number | undefined;
  readonly onChange: (value: RecipeAdjustments) => void;
}

/** The less usual settings of a training, folded; empty fields leave the recipe's values. */
export function Settings({ value, recipe, batchSize, images, onChange }: SettingsProps) {
  const change = (changed: RecipeAdjustments) => onChange({ ...value, ...changed });
  return (
    <details>
      <summary>More settings</summary>
      <div className="controls settings">
        <NumberField
          label="Batch size"
          hint="images per step; empty: chosen for the number of images"
          value={value.batchSize}
          least={1}
          most={images}
          placeholder={String(batchSize ?? recipe?.batchSize ?? "")}
          onChange={(typed) => change({ batchSize: typed })}
        />
        <NumberField
          label="Learning rate"
          hint="the highest of the schedule"
          value={value.learningRate}
          least={1e-12}
          step="any"
          placeholder={recipe ? rateText(recipe.learningRate) : ""}
          onChange={(typed) => change({ learningRate: typed })}
        />
        <NumberField
          label="Patience"
          hint="stop after so many epochs without a better validation accuracy"
          value={value.patience}
          least={1}
          placeholder="none"
          onChange={(typed) => change({ patience: typed })}
        />
        <ChoiceField
          label="Weights to keep"
          hint="of the last epoch, or of the best by validation accuracy"
          value={value.keep}
          choices={[
            ["last", "last epoch"],
            ["best", "best epoch"],
          ]}
          onChange={(keep) => change({ keep })}
        />
        <ChoiceField
          label="Class weights"
          hint="balanced: small classes count more in the loss"
          value={value.classWeights === "balanced" ? "balanced" : "none"}
          choices={[
            ["none", "none"],
            ["balanced", "balanced"],
          ]}
          onChange={(classWeights) => change({ classWeights })}
        />
        <ChoiceField
          label="Sampling"
          hint="balanced: every class is drawn equally often"
          value={value.sampling}
          choices={[
            ["shuffled", "shuffled"],
            ["balanced", "balanced"],
          ]}
          onChange={(sampling) => change({ sampling })}
        />
        <NumberField
          label="Max gradient norm"
          hint="larger gradients are scaled down to it"
          value={value.maxGradientNorm}
          least={1e-12}
          step="any"
          placeholder="none"
          onChange={(typed) => change({ maxGradientNorm: typed })}
        />
      </div>
    </details>
  );
}

interface DeviceFieldProps {
  readonly value: DeviceChoice;
  readonly onChange: (value: DeviceChoice) => void;
}

const DEVICE_WORDS: Readonly<Record<DeviceChoice, string>> = {
  cpu: "processor",
  gpu: "GPU (WebGPU)",
  auto: "the faster one",
};

/** What computes a training in this browser. */
export function DeviceField({ value, onChange }: DeviceFieldProps) {
  return (
    <ChoiceField
      label="Device"
      hint="the GPU needs another 27 MB of ONNX Runtime (7 compressed)"
      value={value}
      choices={DEVICES.map((device) => [device, DEVICE_WORDS[device]] as const)}
      onChange={onChange}
    />
  );
}

interface EpochsFieldProps {
  readonly value: number | undefined;
  /** Number of epochs that results where none is given, if known. */
  readonly epochs: number | undefined;
  readonly onChange: (value: number | undefined) => void;
}

/** Empty: the recipe's epochs, or more for few images. */
export function EpochsField({ value, epochs, onChange }: EpochsFieldProps) {
  const placeholder = String(epochs ?? "");
  return (
    <NumberField
      label="Epochs"
      value={value}
      least={1}
      most={MAX_EPOCHS}
      placeholder={placeholder}
      onChange={onChange}
    />
  );
}

interface NumberFieldProps {
  readonly label: string;
  readonly hint?: string;
  /** Undefined for an empty field, allowed with a placeholder. */
  readonly value: number | undefined;
  readonly least: number;
  readonly most?: number | undefined;
  readonly step?: number | "any";
  /** The meaning of an empty field. */
  readonly placeholder?: string;
  readonly onChange: (value: number | undefined) => void;
}

export function NumberField({ label, hint, value, least, most, step = 1, placeholder, onChange }: NumberFieldProps) {
  const hintId = useId();
  return (
    <div className="field">
      <label>
        {label}
        <input
          type="number"
          required={placeholder === undefined}
          placeholder={placeholder}
          min={least}
          max={most}
          step={step}
          aria-describedby={hint && hintId}
          value={value ?? ""}
          onChange={({ target }) => onChange(Number.isNaN(target.valueAsNumber) ? undefined : target.valueAsNumber)}
        />
      </label>
      {hint !== undefined && (
        <span id={hintId} className="note">
          {hint}
        </span>
      )}
    </div>
  );
}

interface ChoiceFieldProps<Value extends string> {
  readonly label: string;
  readonly hint: string;
  /** Undefined: the first choice. */
  readonly value: Value | undefined;
  readonly choices: readonly (readonly [value: Value, words: string])[];
  readonly onChange: (value: Value) => void;
}

function ChoiceField<Value extends string>({ label, hint, value, choices, onChange }: ChoiceFieldProps<Value>) {
  const hintId = useId();
  return (
    <div className="field">
      <label>
        {label}
        <select
          value={value ?? choices[0]![0]}
          aria-describedby={hintId}
          onChange={({ target }) => onChange(target.value as Value)}
        >
          {choices.map(([one, words]) => (
            <option key={one} value={one}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <span id={hintId} className="note">
        {hint}
      </span>
    </div>
  );
}
