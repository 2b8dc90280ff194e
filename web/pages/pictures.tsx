import { type FormEvent, useEffect, useMemo, useRef, useState } from "react";
import type { RecipeAdjustments } from "../../src/recipes/adjust-recipe.ts";
import { counted } from "../../src/text.ts";
import { DropZone } from "../components/drop-zone.tsx";
import { Failure } from "../components/notices.tsx";
import { mayDiscard, startTraining, useBrowserTraining } from "../engine/browser-training.ts";
import type { ModelSource } from "../engine/classifier-worker.ts";
import {
  addClass,
  addFolders,
  forgetRefused,
  type OwnClasses,
  pictureClasses,
  problemOf,
  useOwnClasses,
} from "../engine/own-classes.ts";
import { ClassCard } from "./pictures/class-card.tsx";
import { chosenFiles, droppedFiles } from "./pictures/dropped-files.ts";
import { BrowserRun } from "./train/browser-run.tsx";
import { EpochsField, NumberField, Settings } from "./train/settings.tsx";
import { TryNetwork } from "./try/try-network.tsx";

const RECIPES = [
  { name: "photos", words: "for photos: more accurate, and slower" },
  { name: "tiny", words: "a small network for simple pictures: fast" },
] as const;

/** Training in this browser on the user's own pictures: classes of files and of recordings. */
export default function Pictures() {
  const own = useOwnClasses();
  const training = useBrowserTraining();
  const files = training?.order.classes && training.files;
  const source = useMemo((): ModelSource | undefined => {
    return files && { kind: "file", name: "trained in this page", bytes: files.model };
  }, [files]);
  return (
    <>
      <h1>Your own pictures</h1>
      <p className="lead">
        Collect pictures of two classes or more, train a network on them, and try it. Everything happens in this
        browser: no picture leaves this machine.
      </p>
      <Classes own={own} />
      <StartForm own={own} isBusyHere={training !== undefined} />
      {training?.order.classes && <BrowserRun training={training} />}
      {source && training?.start && (
        <section aria-labelledby="try">
          <h2 id="try">Try it</h2>
          <TryNetwork source={source} family={training.start.classes.join("\n")} hasTestImages={false} />
        </section>
      )}
    </>
  );
}

function Classes({ own }: { own: OwnClasses }) {
  const { classes } = own;
  /** The class with the camera: one at a time. */
  const [recording, setRecording] = useState<number>();
  const adding = useRef<HTMLButtonElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // React does not know the attribute.
    folder.current?.setAttribute("webkitdirectory", "");
  }, []);
  return (
    <section aria-label="Classes">
      <DropZone className="drop folder" onDrop={async (dropped) => addFolders(await droppedFiles(dropped))}>
        <label className="button">
          <input
            ref={folder}
            type="file"
            multiple
            className="covered"
            onChange={({ target }) => {
              void addFolders(chosenFiles(target.files));
              target.value = "";
            }}
          />
          Choose a folder
        </label>
        <p className="quiet">with a folder for each class, or drop it here; or fill the classes below</p>
      </DropZone>
      <Reading own={own} />
      <ul className="classes">
        {classes.map((one) => (
          <ClassCard
            key={one.id}
            of={one}
            hasCamera={recording === one.id}
            onCamera={() => setRecording(recording === one.id ? undefined : one.id)}
            onRemove={() => adding.current?.focus()}
          />
        ))}
      </ul>
      <button ref={adding} type="button" onClick={addClass}>
        Add a class
      </button>
    </section>
  );
}

/** How many files are still being read, and which were left out. */
function Reading({ own: { pending, refused, offered } }: { own: OwnClasses }) {
  return (
    <div role="status">
      {pending > 0 && <p className="quiet">Reading {counted(pending, "file")}…</p>}
      {refused.length > 0 && (
        <div className="notice bad">
          <p>
            {refused.length} of {counted(offered, "file")} left out: no pictures that this browser can read, or in no
            class folder.
          </p>
          <details>
            <summary>Their names</summary>
            <ul>
              {refused.map((name, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the list only grows, and names may repeat
                <li key={i}>{name}</li>
              ))}
            </ul>
          </details>
          <button type="button" onClick={forgetRefused}>
            Close
          </button>
        </div>
      )}
    </div>
  );
}

function StartForm({ own, isBusyHere }: { own: OwnClasses; isBusyHere: boolean }) {
  const [recipe, setRecipe] = useState<string>(RECIPES[0].name);
  const [seed, setSeed] = useState<number | undefined>(1);
  const [adjustments, setAdjustments] = useState<RecipeAdjustments>({});
  const [failure, setFailure] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const problem = problemOf(own);
    setFailure(problem);
    // The field of the seed is required.
    if (problem === undefined && mayDiscard()) {
      startTraining({ recipe, seed: seed!, adjustments, limit: null, classes: pictureClasses(own) });
    }
  };
  return (
    <form className="card" onSubmit={submit}>
      <h2>Train</h2>
      <fieldset className="choices">
        <legend>Recipe</legend>
        {RECIPES.map(({ name, words }) => (
          <label key={name}>
            <input type="radio" name="recipe" checked={name === recipe} onChange={() => setRecipe(name)} />
            <span>
              <strong>{name}</strong> {words}
            </span>
          </label>
        ))}
      </fieldset>
      <div className="controls">
        <EpochsField
          value={adjustments.epochs}
          epochs={undefined}
          onChange={(epochs) => setAdjustments({ ...adjustments, epochs })}
        />
        <NumberField label="Seed" value={seed} least={0} most={1_000_000} onChange={setSeed} />
      </div>
      <Settings
        value={adjustments}
        recipe={undefined}
        batchSize={undefined}
        images={undefined}
        onChange={setAdjustments}
      />
      <p className="note">
        Of each class a tenth of the pictures validates the network and a tenth tests it. Empty fields: what the recipe
        has, adapted to the number of pictures.
      </p>
      {failure !== undefined && <Failure title="Training did not start" message={failure} />}
      <button type="submit" className="primary">
        {isBusyHere ? "Start anew" : "Start training"}
      </button>
    </form>
  );
}
