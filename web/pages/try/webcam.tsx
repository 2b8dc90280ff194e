import { useEffect, useState } from "react";
import { Failure } from "../../components/notices.tsx";
import { useCamera } from "../../engine/camera.ts";
import { classifier } from "../../engine/classifier.ts";
import type { Answer, ModelSource } from "../../engine/classifier-worker.ts";

interface WebcamProps {
  readonly source: ModelSource;
  readonly onAnswer: (answer: Answer) => void;
}

/** The camera, each of whose pictures is classified as soon as the one before was. */
export function Webcam({ source, onAnswer }: WebcamProps) {
  const { video, isReady, failure } = useCamera();
  const [refusal, setRefusal] = useState<string>();
  useEffect(() => {
    if (!isReady) return;
    let isShown = true;
    const classify = async () => {
      while (isShown && video.current) {
        const picture = await createImageBitmap(video.current);
        const answer = await classifier()("classifyPicture", { source, picture }, [picture]);
        if (isShown) onAnswer(answer);
        // Not faster than the screen shows it; a hidden page waits.
        await new Promise(requestAnimationFrame);
      }
    };
    classify().catch((error: Error) => {
      if (isShown) setRefusal(error.message);
    });
    return () => {
      isShown = false;
    };
  }, [isReady, source, onAnswer, video]);
  const problem = failure ?? refusal;
  if (problem !== undefined) return <Failure title="The camera cannot be used" message={problem} />;
  return <video ref={video} muted playsInline aria-label="the camera" />;
}
