import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { Failure } from "../../components/notices.tsx";
import { useCamera } from "../../engine/camera.ts";
import { addPictures } from "../../engine/own-classes.ts";

/** Milliseconds between two recorded pictures: faster ones would hardly differ. */
const EVERY_MS = 150;

interface RecorderProps {
  readonly classId: number;
  readonly className: string;
}

/** The camera's picture, and a button that records pictures into a class while it is held. */
export function Recorder({ classId, className }: RecorderProps) {
  const { video, isReady, failure } = useCamera();
  const [isHeld, setHeld] = useState(false);
  const recorded = useRef(0);
  useEffect(() => {
    if (!isHeld) return;
    const record = async () => {
      const file = video.current && (await frameOf(video.current));
      if (file) await addPictures(classId, [{ path: `webcam ${++recorded.current}.jpg`, file }]);
    };
    void record();
    const timer = setInterval(record, EVERY_MS);
    return () => clearInterval(timer);
  }, [isHeld, classId, video]);
  const isHolding = ({ key }: KeyboardEvent) => key === " " || key === "Enter";

  if (failure !== undefined) return <Failure title="The camera cannot be used" message={failure} />;
  return (
    <div className="recorder">
      <video ref={video} muted playsInline aria-label={`the camera, for ${className}`} />
      <button
        type="button"
        className={isHeld ? "primary" : ""}
        aria-disabled={!isReady}
        aria-pressed={isHeld}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setHeld(isReady);
        }}
        onPointerUp={() => setHeld(false)}
        onPointerCancel={() => setHeld(false)}
        onKeyDown={(event) => {
          if (!isHolding(event)) return;
          event.preventDefault();
          setHeld(isReady);
        }}
        onKeyUp={(event) => isHolding(event) && setHeld(false)}
        onBlur={() => setHeld(false)}
      >
        Hold to record
      </button>
    </div>
  );
}

/** The video's present frame as a JPEG file; null where it has none. */
function frameOf(video: HTMLVideoElement): Promise<Blob | null> {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
}
