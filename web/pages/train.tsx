import type { RecipeSummary } from "../../src/server/answers.ts";
import { useJson } from "../api/use-resource.ts";
import { Wait } from "../components/notices.tsx";
import { useBrowserTraining } from "../engine/browser-training.ts";
import { BrowserRun } from "./train/browser-run.tsx";
import { TrainingForm } from "./train/training-form.tsx";

/** Starts a training, here in the browser or on the server. */
export default function Train() {
  const [recipes, reload] = useJson<{ recipes: RecipeSummary[] }>("/api/recipes");
  const training = useBrowserTraining();
  return (
    <>
      <h1>Train</h1>
      {training && <BrowserRun training={training} />}
      <Wait of={recipes} words="Looking for recipes…" onRetry={reload}>
        {({ recipes }) => <TrainingForm recipes={recipes} isBusyHere={training !== undefined} />}
      </Wait>
    </>
  );
}
