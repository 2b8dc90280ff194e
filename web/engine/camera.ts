import { type RefObject, useEffect, useRef, useState } from "react";

/** What a camera shows, on a page that has it switched on. */
export interface Camera {
  readonly video: RefObject<HTMLVideoElement | null>;
  /** Whether the video has a first frame. */
  readonly isReady: boolean;
  /** Why there is no picture. */
  readonly failure: string | undefined;
}

/** Switches the camera on while the component is shown. The video element must have `ref={video}`. */
export function useCamera(): Camera {
  const video = useRef<HTMLVideoElement>(null);
  const [isReady, setReady] = useState(false);
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    let isShown = true;
    let stream: MediaStream | undefined;
    const switchOff = () => {
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
    const switchOn = async () => {
      stream = await openCamera();
      if (!isShown || !video.current) return switchOff();
      video.current.srcObject = stream;
      await video.current.play();
      if (isShown) setReady(true);
    };
    switchOn().catch((error: unknown) => {
      if (isShown) setFailure(reasonOf(error));
    });
    return () => {
      isShown = false;
      switchOff();
    };
  }, []);
  return { video, isReady, failure };
}

function openCamera(): Promise<MediaStream> {
  // Absent where the page is neither from this machine nor over HTTPS.
  const devices: MediaDevices | undefined = navigator.mediaDevices;
  if (!devices) throw new Error("Browsers open a camera only for pages of this machine (localhost) or over HTTPS.");
  return devices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 } } });
}

function reasonOf(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError") return "The browser was not allowed to use the camera: allow it in its settings.";
  if (name === "NotFoundError") return "No camera was found: connect one, and try again.";
  if (name === "NotReadableError") return "The camera cannot be read: another program may be using it.";
  return error instanceof Error ? error.message : String(error);
}
