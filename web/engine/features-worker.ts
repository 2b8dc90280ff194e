import { openFeatures } from "../../src/runtime/web/index.ts";
import type { BackboneSummary } from "../../src/server/api-types.ts";
import { backbonePath, getBytes } from "../api/client.ts";
import { ORT_FILES, requireWebAssembly, threadsHere } from "./ort-files.ts";
import { PREPARATION } from "./own-data.ts";
import { preparePicture, shrunkSize } from "./prepare-picture.ts";
import { answerCalls } from "./worker-rpc.ts";

/** Makes features of pictures in a worker, with a pretrained network of the server. One network is open at a time. */

/** A picture as it was added. */
interface AddedPicture {
  readonly file: Blob;
  readonly width: number;
  readonly height: number;
}

interface OpenBackbone {
  /** The server's description, as text: another file of the same name has another one. */
  readonly key: string;
  readonly model: Uint8Array<ArrayBuffer>;
  readonly session: Awaited<ReturnType<typeof openFeatures>>;
}

let current: OpenBackbone | undefined;

async function open(backbone: BackboneSummary): Promise<OpenBackbone> {
  const key = JSON.stringify(backbone);
  if (current?.key === key) return current;
  requireWebAssembly();
  await current?.session.release();
  current = undefined;
  const model = await getBytes(backbonePath(backbone.name));
  if (model.length !== backbone.bytes) {
    throw new Error("The server has another network of this name than when the page was opened. Load the page again.");
  }
  const session = await openFeatures(model, backbone.name, { threads: threadsHere(), files: ORT_FILES });
  current = { key, model, session };
  return current;
}

const api = {
  /** The features of a picture, prepared like the pictures that the trained network will classify. */
  async features({ backbone, picture }: { backbone: BackboneSummary; picture: AddedPicture }): Promise<Float32Array> {
    const { session } = await open(backbone);
    const { channels, height, width } = backbone.input;
    const target = { channels, height, width };
    const bitmap = await createImageBitmap(picture.file, shrunkSize(picture, PREPARATION, target) ?? {});
    const features = await session.run(preparePicture(bitmap, PREPARATION, target), [1, channels, height, width]);
    if (features.length !== backbone.features) {
      throw new Error(`${backbone.name} gives ${features.length} features instead of ${backbone.features}.`);
    }
    return features;
  },

  /** The file that features were computed with. */
  async model({ backbone }: { backbone: BackboneSummary }): Promise<Uint8Array<ArrayBuffer>> {
    return (await open(backbone)).model;
  },
};

export type FeaturesApi = typeof api;

answerCalls(api);
