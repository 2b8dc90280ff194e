import { type DragEvent, useEffect, useRef, useState } from "react";
import { Failure } from "../../components/notices.tsx";
import { classifier } from "../../engine/classifier.ts";
import type { ModelSource } from "../../engine/classifier-worker.ts";
import type { TriedImage } from "./tried-image.ts";

interface PhotoProps {
  readonly source: ModelSource;
  /** Called with undefined to clear the previous image. */
  readonly onImage: (image: TriedImage | undefined) => void;
}

/** Maximum edge of a decoded photo, in pixels: more is useless for networks of up to 64x64 pixels. */
const LONGEST_EDGE = 1600;

/** A photo from a file: chosen, dropped or pasted. */
export function Photo({ source, onImage }: PhotoProps) {
  const preview = useRef<HTMLCanvasElement>(null);
  const [name, setName] = useState<string>();
  const [failure, setFailure] = useState<string>();
  const [isOver, setOver] = useState(false);

  const take = async (file: File | undefined) => {
    if (!file) return;
    setFailure(undefined);
    setName(undefined);
    onImage(undefined);
    try {
      const picture = await decode(file);
      show(preview.current, picture);
      setName(file.name);
      const { pixels } = await classifier()("classifyPicture", { source, picture }, [picture]);
      onImage({ pixels });
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: `take` is recreated with the source
  useEffect(() => {
    const paste = ({ clipboardData }: ClipboardEvent) => void take(clipboardData?.files[0]);
    // A file dropped outside of the box would otherwise replace the page.
    const keepPage = (event: globalThis.DragEvent) => event.preventDefault();
    addEventListener("paste", paste);
    addEventListener("dragover", keepPage);
    addEventListener("drop", keepPage);
    return () => {
      removeEventListener("paste", paste);
      removeEventListener("dragover", keepPage);
      removeEventListener("drop", keepPage);
    };
  }, [source]);

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void take(event.dataTransfer.files[0]);
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is an alternative to the file field */}
      <div
        className={isOver ? "drop over" : "drop"}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <canvas ref={preview} className={name === undefined ? "hidden" : ""} role="img" aria-label={`photo ${name}`} />
        <label className="button">
          <input
            type="file"
            accept="image/*"
            className="covered"
            onChange={({ target }) => {
              void take(target.files?.[0]);
              // Allows choosing the same file again.
              target.value = "";
            }}
          />
          Choose a photo
        </label>
        <p className="quiet">or drop one here, or paste it</p>
      </div>
      {failure !== undefined && <Failure title="That picture cannot be read" message={failure} />}
      <p className="note">
        Pictures like those that the network was trained on work best: for Fashion-MNIST, one garment on a plain ground.
      </p>
    </>
  );
}

/** Decodes a file with the browser, applying its EXIF orientation, and shrinks large pictures. */
async function decode(file: File): Promise<ImageBitmap> {
  const whole = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is no picture that this browser can read.`);
  });
  const scale = LONGEST_EDGE / Math.max(whole.width, whole.height);
  if (scale >= 1) return whole;
  const [resizeWidth, resizeHeight] = [whole.width, whole.height].map((edge) => Math.max(1, Math.round(edge * scale)));
  const smaller = await createImageBitmap(whole, {
    resizeWidth: resizeWidth!,
    resizeHeight: resizeHeight!,
    resizeQuality: "high",
  });
  whole.close();
  return smaller;
}

const PREVIEW_EDGE = 280;

function show(canvas: HTMLCanvasElement | null, picture: ImageBitmap): void {
  const context = canvas?.getContext("2d");
  if (!canvas || !context) return;
  const scale = Math.min(1, PREVIEW_EDGE / Math.max(picture.width, picture.height));
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
}
