import { trainingCount } from "../../src/data/training-data.ts";
import type { DatasetSummary, RecipeSummary, ServerAnswer } from "../../src/server/api-types.ts";
import { useJson } from "../api/use-resource.ts";
import { Wait } from "../components/notices.tsx";
import { useBrowserTraining } from "../engine/browser-training.ts";
import { hrefOf } from "../routes.ts";
import { BrowserRun } from "./train/browser-run.tsx";
import { TrainingForm } from "./train/training-form.tsx";

/** Starts a training, here in the browser or on the server. */
export default function Train() {
  const [recipes, reload] = useJson<{ recipes: RecipeSummary[] }>("/api/recipes");
  const [server, reloadServer] = useJson<ServerAnswer>("/api/server");
  const [dataset] = useJson<DatasetSummary>("/api/dataset");
  const images = dataset.state === "ready" ? countToTrain(dataset.value) : undefined;
  const training = useBrowserTraining();
  return (
    <>
      <h1>Train</h1>
      <p>
        This form uses the images that the server has.{" "}
        <a href={hrefOf({ page: "pictures" })}>Train on pictures of your own</a>, from files or the camera, in this
        browser.
      </p>
      {training && <BrowserRun training={training} />}
      <Wait of={recipes} words="Looking for recipes…" onRetry={reload}>
        {({ recipes }) => (
          <Wait of={server} words="Asking what the server allows…" onRetry={reloadServer}>
            {({ allowsTraining }) => (
              <TrainingForm
                recipes={recipes}
                images={images}
                isBusyHere={training !== undefined}
                allowsTraining={allowsTraining}
              />
            )}
          </Wait>
        )}
      </Wait>
    </>
  );
}

function countToTrain({ trainImages, validation }: DatasetSummary): number {
  return trainingCount({ count: trainImages, ...(validation ? { validation: Uint32Array.from(validation) } : {}) });
}
