import { type FormEvent, useId, useState } from "react";
import { messageOf } from "../../../src/errors.ts";
import type { RecipeAdjustments } from "../../../src/recipes/adjust-recipe.ts";
import type { DeviceChoice } from "../../../src/runtime/webgpu/device.ts";
import type { RecipeSummary } from "../../../src/server/api-types.ts";
import { count } from "../../../src/text.ts";
import { postJson } from "../../api/client.ts";
import { Failure } from "../../components/notices.tsx";
import { mayDiscard, startTraining } from "../../engine/browser-training.ts";
import { hrefOf } from "../../routes.ts";
import { DeviceField, EpochsField, FittedLine, fittedTo, NumberField, Settings } from "./settings.tsx";

interface TrainingFormProps {
  readonly recipes: readonly RecipeSummary[];
  /** Number of available training images; undefined while unknown. */
  readonly images: number | undefined;
  /** Whether this browser has a training, which would be replaced. */
  readonly isBusyHere: boolean;
  /** Whether the server takes trainings. */
  readonly allowsTraining: boolean;
}

type Place = "browser" | "server";

/** A recipe, with the pretrained network that it starts from. */
const keyOf = ({ name, backbone }: RecipeSummary) => (backbone === undefined ? name : `${name} from ${backbone}`);

/** Initial values: a browser is slower and gets fewer images. Undefined epochs depend on the number of images. */
const AT_FIRST = { browser: { limit: 5000, epochs: 3 }, server: { limit: 0, epochs: undefined } } as const;

const LIMITS = [1000, 2000, 5000, 10_000, 20_000] as const;

/** The form for a new training: recipe, number of images and epochs, further settings, and where to train. */
export function TrainingForm({ recipes, images, isBusyHere, allowsTraining }: TrainingFormProps) {
  const refusalId = useId();
  const [place, setPlace] = useState<Place>("browser");
  // The server's images are at hand for a pretrained network only there.
  const offered = recipes.filter(({ backbone }) => backbone === undefined || place === "server");
  const [wanted, setWanted] = useState("");
  const recipe = offered.find((one) => keyOf(one) === wanted) ?? offered[0];
  const [wantedLimit, setLimit] = useState<number>(AT_FIRST.browser.limit);
  const available = images ?? Number.POSITIVE_INFINITY;
  // 0 means all.
  const limit = wantedLimit < available ? wantedLimit : 0;
  const used = limit === 0 ? images : limit;
  const isSmall = available <= AT_FIRST.browser.limit;
  const [typed, setTyped] = useState<RecipeAdjustments>({});
  // An emptied field of epochs is there, but undefined: it no longer has the place's value.
  const epochs = "epochs" in typed || isSmall ? typed.epochs : AT_FIRST[place].epochs;
  const adjustments: RecipeAdjustments = { ...typed, epochs };
  const [seed, setSeed] = useState<number | undefined>(1);
  const [device, setDevice] = useState<DeviceChoice>("cpu");
  const [failure, setFailure] = useState<string>();
  const [isStarting, setStarting] = useState(false);
  const fitted = recipe && used !== undefined ? fittedTo(recipe, used, adjustments) : recipe;

  const goTo = (next: Place) => {
    setPlace(next);
    setLimit(AT_FIRST[next].limit);
    const { epochs: _, ...others } = typed;
    setTyped(others);
  };
  const startOnServer = async () => {
    setStarting(true);
    try {
      const order = {
        recipe: recipe?.name,
        backbone: recipe?.backbone,
        seed,
        ...adjustments,
        ...(limit === 0 ? {} : { limit }),
      };
      const { id } = await postJson<{ id: string }>("/api/training", order);
      location.hash = hrefOf({ page: "run", id });
    } catch (error) {
      setFailure(messageOf(error));
      setStarting(false);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setFailure(undefined);
    if (place === "server") void startOnServer();
    else if (recipe && mayDiscard()) {
      // The field of the seed is required.
      startTraining({ recipe: recipe.name, seed: seed!, device, adjustments, limit: limit === 0 ? null : limit });
      scrollTo(0, 0);
    }
  };

  return (
    <form className="card" onSubmit={submit}>
      <h2>A new training</h2>
      <fieldset className="segments">
        <legend>Where</legend>
        <label>
          <input type="radio" name="place" checked={place === "browser"} onChange={() => goTo("browser")} />
          In this browser
        </label>
        <label>
          <input
            type="radio"
            name="place"
            checked={place === "server"}
            disabled={!allowsTraining}
            aria-describedby={allowsTraining ? undefined : refusalId}
            onChange={() => goTo("server")}
          />
          On the server
        </label>
      </fieldset>
      {!allowsTraining && (
        <p id={refusalId} className="note">
          This server trains nothing for its visitors, as other machines reach it; whoever started it can allow it (
          <code>--allow-training</code>).
        </p>
      )}
      <p className="note">
        {place === "browser"
          ? "The same training code, on ONNX Runtime in WebAssembly or on the GPU. It is kept in this browser, which resumes it after a reload, until you clear it."
          : "Several times faster; the run is kept in a folder of its own and appears among the runs."}
      </p>
      <fieldset className="choices">
        <legend>Recipe</legend>
        {offered.map((one) => (
          <label key={keyOf(one)}>
            <input type="radio" name="recipe" checked={one === recipe} onChange={() => setWanted(keyOf(one))} />
            <span>
              <strong>{keyOf(one)}</strong> {one.summary}
              <span className="quiet"> {count(one.parameters)} parameters</span>
            </span>
          </label>
        ))}
      </fieldset>
      <div className="controls">
        <label>
          Training images
          <select value={limit} onChange={({ target }) => setLimit(Number(target.value))}>
            {LIMITS.filter((most) => most < available).map((most) => (
              <option key={most} value={most}>
                {count(most)}
              </option>
            ))}
            <option value={0}>all</option>
          </select>
        </label>
        <EpochsField
          value={epochs}
          epochs={fitted?.epochs}
          onChange={(value) => setTyped({ ...typed, epochs: value })}
        />
        <NumberField label="Seed" value={seed} least={0} most={1_000_000} onChange={setSeed} />
        {place === "browser" && <DeviceField value={device} onChange={setDevice} />}
      </div>
      <Settings value={typed} recipe={recipe} batchSize={fitted?.batchSize} images={used} onChange={setTyped} />
      {recipe && used !== undefined && <FittedLine images={used} recipe={recipe} adjustments={adjustments} />}
      {failure !== undefined && <Failure title="Training did not start" message={failure} />}
      <button type="submit" className="primary" disabled={isStarting}>
        {place === "browser" && isBusyHere ? "Start anew" : "Start training"}
      </button>
    </form>
  );
}
