import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type CompiledProgram, nextName, type TensorSpec } from "../compile/compile.ts";
import { ModelProtoSchema, type ValueInfoProto, ValueInfoProtoSchema } from "../onnx/generated/onnx_pb.ts";
import { ATTRIBUTE_TYPE } from "../onnx/graph-writer.ts";

/** The leading axis of feeds and outputs: the number of steps per run, a dynamic size. */
const STEPS_AXIS = "steps";

/** Name of a step's input or output in the repeated model: names inside and outside the Scan must differ. */
export function repeatedName(name: string): string {
  return `run/${name}`;
}

/**
 * A model that executes a program's step any number of times per run: ONNX's Scan, whose body is the step. State is
 * passed from step to step inside the engine; feeds and outputs get a leading axis with one entry per step.
 *
 * That saves the overhead of runs: onnxruntime-node copies each output into a new buffer, preallocated or not; with
 * Adam three times the parameters per step.
 */
export function repeatedModel(program: CompiledProgram): Uint8Array {
  const { graph: step, irVersion, producerName, opsetImport } = fromBinary(ModelProtoSchema, program.model);
  if (!step) throw new Error(`${program.name}: the model has no graph`);
  const inputs = new Map(step.input.map((info) => [info.name, info]));
  const outputs = new Map(step.output.map((info) => [info.name, info]));
  const carried = program.state.map(({ name }) => inputs.get(name)!);
  const moved = program.state.map(({ name }) => outputs.get(nextName(name))!);
  const fed = infosOf(program.feeds, inputs);
  const given = infosOf(program.outputs, outputs);
  const outerInputs = [...carried.map(renamed), ...fed.map(perStep)];
  const outerOutputs = [...moved.map(renamed), ...given.map(perStep)];
  const body = { ...step, input: [...carried, ...fed], output: [...moved, ...given] };
  const scan = {
    opType: "Scan",
    name: "steps",
    input: outerInputs.map(({ name }) => name),
    output: outerOutputs.map(({ name }) => name),
    attribute: [
      { name: "body", g: body, type: ATTRIBUTE_TYPE.graph },
      { name: "num_scan_inputs", i: BigInt(fed.length), type: ATTRIBUTE_TYPE.int },
    ],
  };
  // Parameters are the same for all steps: the body reads them from the outer scope, under their own names.
  const graph = {
    name: `${step.name}, repeated`,
    node: [scan],
    input: [...outerInputs, ...infosOf(program.parameters, inputs)],
    output: outerOutputs,
  };
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion, producerName, opsetImport, graph }));
}

function infosOf(specs: readonly TensorSpec[], infos: ReadonlyMap<string, ValueInfoProto>): ValueInfoProto[] {
  return specs.map(({ name }) => infos.get(name)!);
}

function renamed(info: ValueInfoProto): ValueInfoProto {
  return create(ValueInfoProtoSchema, { ...info, name: repeatedName(info.name) });
}

/** The value with the axis of steps prepended. */
function perStep(info: ValueInfoProto): ValueInfoProto {
  const { elemType, shape } = info.type!.value.value!;
  const dim = [{ value: { case: "dimParam" as const, value: STEPS_AXIS } }, ...(shape?.dim ?? [])];
  return create(ValueInfoProtoSchema, {
    name: repeatedName(info.name),
    type: { value: { case: "tensorType", value: { elemType, shape: { dim } } } },
  });
}
