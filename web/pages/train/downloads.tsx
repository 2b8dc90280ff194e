import { type BrowserTraining, noteDownload } from "../../engine/browser-training.ts";
import type { TrainedFileBytes } from "../../engine/training-messages.ts";

interface DownloadsProps {
  readonly training: BrowserTraining;
  readonly files: TrainedFileBytes;
}

/** Downloads of a run's files, as in a run folder. */
export function Downloads({ training: { order, epochs }, files }: DownloadsProps) {
  const name = `${order.recipe}-s${order.seed}`;
  const metrics = epochs.map((line) => `${JSON.stringify(line)}\n`).join("");
  const offered = [
    { file: `${name}.onnx`, words: "ONNX model", content: files.model },
    { file: `${name}.safetensors`, words: "Weights", content: files.weights },
    { file: `${name}.metrics.jsonl`, words: "Metrics", content: metrics },
  ];
  return offered.map(({ file, words, content }) => (
    <button
      key={file}
      type="button"
      onClick={() => {
        download(file, content);
        if (content === files.model || content === files.weights) noteDownload();
      }}
    >
      {words}
    </button>
  ));
}

function download(file: string, content: Uint8Array<ArrayBuffer> | string): void {
  const address = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = file;
  link.click();
  // By then the browser has started the download.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
