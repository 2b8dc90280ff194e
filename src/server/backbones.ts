import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { Backbone } from "../formats/backbone.ts";
import { type OpenedBackbone, readFeatureModel } from "../training/node/open-backbone.ts";
import type { BackboneSummary } from "./api-types.ts";
import { HttpError } from "./errors.ts";
import { entityTag } from "./streams.ts";

/** A network to be offered; of one that was just opened, whether the range of its pixels is only supposed counts. */
export type OfferedBackbone = Backbone | Pick<OpenedBackbone, "backbone" | "isRangeSupposed">;

/** A pretrained network that clients can start from. */
export interface ServedBackbone {
  readonly backbone: Backbone;
  /** Whether a training here chooses the range of its pixels (`chooseBackboneRange`). */
  readonly isRangeSupposed: boolean;
  readonly summary: BackboneSummary;
  /** As an ONNX file: pixels from 0 to 255 in, features out. */
  readonly model: Uint8Array;
  readonly etag: string;
}

/** The backbones of a server. What clients send is only ever compared with their names, so it leads to no other file. */
export interface Backbones {
  readonly all: readonly ServedBackbone[];
  /**
   * @param name default: the first
   * @throws HttpError 404 when there is none of this name
   */
  find(name?: string): ServedBackbone;
}

/**
 * Reads backbones; they stay in memory.
 *
 * @throws UserError when a file is missing, or has changed since it was opened
 */
export function createBackbones(offered: readonly OfferedBackbone[]): Backbones {
  const opened = offered.map((one) => ("backbone" in one ? one : { backbone: one, isRangeSupposed: false }));
  const names = namesOf(opened.map(({ backbone }) => backbone));
  const all = opened.map(({ backbone, isRangeSupposed }, i): ServedBackbone => {
    const model = readFeatureModel(backbone);
    const { file: _, ...facts } = backbone;
    return {
      backbone,
      isRangeSupposed,
      summary: { ...facts, name: names[i]!, bytes: model.length, licence: null },
      model,
      etag: entityTag(createHash("sha256").update(model).digest("hex")),
    };
  });
  return {
    all,
    find(name) {
      const found = name === undefined ? all[0] : all.find(({ summary }) => summary.name === name);
      if (found) return found;
      const offered =
        all.length === 0 ? "the server offers none; start it with `backbones`" : `there are ${names.join(", ")}`;
      throw new HttpError(404, "no_such_backbone", `There is no such backbone: ${offered}.`);
    },
  };
}

/** The name of its repository, or else of its file; a second one of the same name gets the suffix -2. */
function namesOf(backbones: readonly Backbone[]): string[] {
  const names: string[] = [];
  for (const { file, source } of backbones) {
    const name = source?.split("/")[1]?.split("@")[0] ?? basename(file).replace(/\.onnx$/i, "");
    let unused = name;
    for (let number = 2; names.includes(unused); number++) unused = `${name}-${number}`;
    names.push(unused);
  }
  return names;
}
