import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { enhanced } from "../../src/models/study.ts";
import { ModelProtoSchema } from "../../src/onnx/generated/onnx_pb.ts";
import { chooseLowering } from "../../src/runtime/lowering.ts";
import { WITHOUT_IDLE_OPTIMIZERS } from "../../src/runtime/node/idle-optimizers.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { ort, sessionOptions } from "../../src/runtime/node/ort.ts";
import { compiledStep } from "../support/training-step.ts";

/** The nodes that ONNX Runtime makes of a model, without names and sorted: both differ from one time to the next. */
async function optimized(model: Uint8Array, extra: Record<string, unknown>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "tailor-optimized-"));
  try {
    const optimizedModelFilePath = join(folder, "model.onnx");
    const options = { ...sessionOptions(1), extra, optimizedModelFilePath };
    await (await ort().InferenceSession.create(model, options)).release();
    const { graph } = fromBinary(ModelProtoSchema, await readFile(optimizedModelFilePath));
    return graph!.node
      .map(({ opType, domain, attribute }) => `${domain} ${opType} ${attribute.map(({ name }) => name)}`)
      .toSorted();
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("the disabled optimisations have no effect", async () => {
  for (const lowering of [{ kind: "standard" } as const, await chooseLowering(nodeRuntime)]) {
    const { model } = compiledStep(enhanced, lowering);
    expect(await optimized(model, WITHOUT_IDLE_OPTIMIZERS), lowering.kind).toEqual(await optimized(model, {}));
  }
});
