import { type FormEvent, useEffect, useMemo, useRef, useState } from "react";
import { messageOf } from "../../src/errors.ts";
import type { RecipeAdjustments } from "../../src/recipes/adjust-recipe.ts";
import { TRANSFER } from "../../src/recipes/transfer.ts";
import type { DeviceChoice } from "../../src/runtime/webgpu/device.ts";
import type { BackboneSummary, BackbonesAnswer, ServerAnswer } from "../../src/server/api-types.ts";
import { count, counted } from "../../src/text.ts";
import { postJson } from "../api/client.ts";
import { useJson } from "../api/use-resource.ts";
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
import { type FeatureState, featuresOf, pretrainedBy, retryFeatures, useFeatures } from "../engine/own-features.ts";
import { sendPictures } from "../engine/send-pictures.ts";
import { hrefOf } from "../routes.ts";
import { ClassCard } from "./pictures/class-card.tsx";
import { chosenFiles, droppedFiles } from "./pictures/dropped-files.ts";
import { BrowserRun } from "./train/browser-run.tsx";
import { DeviceField, EpochsField, NumberField, Settings } from "./train/settings.tsx";
import { TryNetwork } from "./try/try-network.tsx";

/** Trained from the first step, without a pretrained network. */
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
        browser: no picture leaves this machine, unless you send them to train on the server.
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

/** A pretrained network as a recipe. */
const keyOf = ({ name }: BackboneSummary) => `${TRANSFER} from ${name}`;

function problemOfFeatures({ done, total, failure }: FeatureState): string | undefined {
  if (failure !== undefined) return `The features of the pictures could not be computed: ${failure}`;
  return done < total ? `The features of ${counted(total - done, "picture")} are still being computed.` : undefined;
}

/** How many pictures a pretrained network has seen, or why it sees no more. */
function Features({ name, of: { done, total, failure } }: { name: string; of: FeatureState }) {
  if (failure !== undefined) {
    return <Failure title={`${name} does not run here`} message={failure} onRetry={retryFeatures} />;
  }
  return (
    <p className="note" role="status">
      {total === 0
        ? `Each picture goes through ${name} once, in this browser, as it is added.`
        : `${name} has seen ${count(done)} of ${counted(total, "picture")}${done < total ? "…" : "."}`}
    </p>
  );
}

function StartForm({ own, isBusyHere }: { own: OwnClasses; isBusyHere: boolean }) {
  const [offered, reload] = useJson<BackbonesAnswer>("/api/backbones");
  const backbones = offered.state === "ready" ? offered.value.backbones : [];
  const [chosen, setChosen] = useState<string>();
  // For few pictures a pretrained network is the best start.
  const wanted = chosen ?? (backbones[0] ? keyOf(backbones[0]) : RECIPES[0].name);
  const backbone = backbones.find((one) => keyOf(one) === wanted);
  const features = useFeatures(backbone, own);
  const [server] = useJson<ServerAnswer>("/api/server");
  const allowsTraining = server.state === "ready" && server.value.allowsTraining;
  /** What is being done to train on the server. */
  const [sending, setSending] = useState<string>();
  const [seed, setSeed] = useState<number | undefined>(1);
  const [device, setDevice] = useState<DeviceChoice>("cpu");
  const [adjustments, setAdjustments] = useState<RecipeAdjustments>({});
  const [failure, setFailure] = useState<string>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const problem = problemOf(own) ?? (backbone && problemOfFeatures(features));
    setFailure(problem);
    if (problem !== undefined || !mayDiscard()) return;
    // The field of the seed is required.
    const order = { seed: seed!, device, adjustments, limit: null };
    if (!backbone) return startTraining({ ...order, recipe: wanted, classes: pictureClasses(own) });
    const classes = pictureClasses(own, (picture) => featuresOf(backbone, picture));
    try {
      startTraining({ ...order, recipe: TRANSFER, classes, pretrained: await pretrainedBy(backbone) });
    } catch (error) {
      setFailure(messageOf(error));
    }
  };
  const trainOnServer = async ({ name }: BackboneSummary) => {
    const problem = problemOf(own);
    setFailure(problem);
    if (problem !== undefined) return;
    try {
      const pictures = await sendPictures(pictureClasses(own), (sent, total) =>
        setSending(`Sent ${count(sent)} of ${counted(total, "picture")} to the server…`),
      );
      setSending("The server computes the features of the pictures…");
      const order = { recipe: TRANSFER, backbone: name, pictures, seed, ...adjustments };
      const { id } = await postJson<{ id: string }>("/api/training", order);
      location.hash = hrefOf({ page: "run", id });
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setSending(undefined);
    }
  };
  return (
    <form className="card" onSubmit={submit}>
      <h2>Train</h2>
      <fieldset className="choices">
        <legend>Recipe</legend>
        {backbones.map((one) => (
          <label key={keyOf(one)}>
            <input type="radio" name="recipe" checked={keyOf(one) === wanted} onChange={() => setChosen(keyOf(one))} />
            <span>
              <strong>{keyOf(one)}</strong> a classifier on the features of this pretrained network: for few pictures,
              in seconds
              <span className="quiet">
                {" "}
                {(one.bytes / 1e6).toFixed(1)} MB, {one.input.width}x{one.input.height}, {count(one.features)} features,
                licence unknown
              </span>
            </span>
          </label>
        ))}
        {RECIPES.map(({ name, words }) => (
          <label key={name}>
            <input type="radio" name="recipe" checked={name === wanted} onChange={() => setChosen(name)} />
            <span>
              <strong>{name}</strong> {words}
            </span>
          </label>
        ))}
      </fieldset>
      {offered.state === "failed" && (
        <Failure
          title="The server's pretrained networks are unknown"
          message={offered.error.message}
          onRetry={reload}
        />
      )}
      {backbone && <Features name={backbone.name} of={features} />}
      <div className="controls">
        <EpochsField
          value={adjustments.epochs}
          epochs={undefined}
          onChange={(epochs) => setAdjustments({ ...adjustments, epochs })}
        />
        <NumberField label="Seed" value={seed} least={0} most={1_000_000} onChange={setSeed} />
        <DeviceField value={device} onChange={setDevice} />
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
      <div className="row">
        <button type="submit" className="primary">
          {isBusyHere ? "Start anew" : "Start training"}
        </button>
        {backbone && allowsTraining && (
          <button type="button" disabled={sending !== undefined} onClick={() => void trainOnServer(backbone)}>
            Send the pictures and train on the server
          </button>
        )}
      </div>
      <p className="quiet" role="status">
        {sending}
      </p>
    </form>
  );
}
