/**
 * Child process that decodes and prepares pictures for predictions. It can be ended, unlike a decoder's thread: when a picture
 * takes too long, by the server; when it takes too much memory, by itself.
 */
import { decodingCost } from "../formats/node/image-file.ts";
import { preparePicture } from "../prediction/node/prepare-picture.ts";
import type { DecodingTask, FromDecoder } from "./decoder.ts";
import { HttpError } from "./errors.ts";
import { badImage, pictureFile } from "./prediction-input.ts";
import { describeCrash, sendMessage } from "./send-message.ts";

const WATCH_MS = 20;

// Signals reach every process of a terminal or service; the server, which gets them too, ends this one.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
// The server process has ended.
process.on("disconnect", () => process.exit());

let mostMemory = Number.POSITIVE_INFINITY;
let isOver = false;
// libvips decodes in other threads, so that this one can watch it.
setInterval(() => {
  if (isOver || process.memoryUsage.rss() <= mostMemory) return;
  isOver = true;
  sendMessage<FromDecoder>({ kind: "outOfMemory" }).finally(() => process.exit());
}, WATCH_MS);

process.on("message", async ({ id, body, type, contentType, target, mostCost, processMemory }: DecodingTask) => {
  mostMemory = processMemory;
  try {
    const file = await pictureFile(new Uint8Array(body), { type, contentType });
    const cost = await decodingCost(file, "the image", target).catch((error) => {
      throw badImage(error);
    });
    if (cost.work > mostCost.work || cost.memory > mostCost.memory) {
      return await sendMessage<FromDecoder>({ kind: "costly", id, cost });
    }
    const pixels = await preparePicture(file, target).catch((error) => {
      throw badImage(error);
    });
    await sendMessage<FromDecoder>({ kind: "prepared", id, pixels });
  } catch (error) {
    if (error instanceof HttpError) {
      const { status, code, message } = error;
      await sendMessage<FromDecoder>({ kind: "refused", id, status, code, message });
    } else {
      await sendMessage<FromDecoder>({ kind: "crashed", id, message: describeCrash(error) });
    }
  }
});
