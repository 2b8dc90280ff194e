import { useEffect, useRef } from "react";
import { counted } from "../../../src/text.ts";
import { DropZone } from "../../components/drop-zone.tsx";
import {
  addPictures,
  type OwnClass,
  type OwnPicture,
  removeClass,
  removePicture,
  renameClass,
} from "../../engine/own-classes.ts";
import { chosenFiles, droppedFiles } from "./dropped-files.ts";
import { Recorder } from "./recorder.tsx";

interface ClassCardProps {
  readonly of: OwnClass;
  readonly hasCamera: boolean;
  readonly onCamera: () => void;
  /** Called before the card disappears, to move the keyboard's focus. */
  readonly onRemove: () => void;
}

/** A class: its name, its pictures, and the ways to add more. */
export function ClassCard({ of: { id, name, pictures }, hasCamera, onCamera, onRemove }: ClassCardProps) {
  return (
    <li className="card">
      <DropZone className="drop class" onDrop={async (dropped) => addPictures(id, await droppedFiles(dropped))}>
        <div className="controls">
          <label>
            Name
            <input type="text" value={name} onChange={({ target }) => renameClass(id, target.value)} />
          </label>
          <button
            type="button"
            aria-label={`Remove the class ${name}`}
            onClick={() => {
              onRemove();
              removeClass(id);
            }}
          >
            Remove
          </button>
        </div>
        <div className="row">
          <label className="button">
            <input
              type="file"
              accept="image/*"
              multiple
              className="covered"
              aria-label={`Choose pictures of ${name}`}
              onChange={({ target }) => {
                void addPictures(id, chosenFiles(target.files));
                // Allows choosing the same files again.
                target.value = "";
              }}
            />
            Choose pictures
          </label>
          <button type="button" aria-expanded={hasCamera} aria-label={`Camera for ${name}`} onClick={onCamera}>
            {hasCamera ? "Close the camera" : "Camera"}
          </button>
        </div>
        {hasCamera && <Recorder classId={id} className={name} />}
        <p className="quiet" aria-live="polite">
          {pictures.length === 0
            ? "No pictures yet: choose some, or drop them here."
            : counted(pictures.length, "picture")}
        </p>
        {pictures.length > 0 && (
          <ul className="thumbnails" aria-label={`Pictures of ${name}`}>
            {pictures.map((picture) => (
              <li key={picture.id}>
                <button
                  type="button"
                  title={`${picture.name}: remove`}
                  aria-label={`Remove ${picture.name}`}
                  onClick={({ currentTarget }) => {
                    const { nextElementSibling, previousElementSibling } = currentTarget.parentElement!;
                    (nextElementSibling ?? previousElementSibling)?.querySelector("button")?.focus();
                    removePicture(id, picture.id);
                  }}
                >
                  <Thumbnail picture={picture} />
                </button>
              </li>
            ))}
          </ul>
        )}
      </DropZone>
    </li>
  );
}

function Thumbnail({ picture: { thumbnail } }: { picture: OwnPicture }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    canvas.current?.getContext("2d")?.drawImage(thumbnail, 0, 0);
  }, [thumbnail]);
  return <canvas ref={canvas} width={thumbnail.width} height={thumbnail.height} />;
}
