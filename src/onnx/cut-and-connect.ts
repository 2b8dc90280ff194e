/** Parts of ONNX models of any origin: cut out of a graph, and put one behind the other. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type GraphProto, type ModelProto, ModelProtoSchema, type NodeProto } from "./generated/onnx_pb.ts";

/** The node that computes each value. */
export type Producers = ReadonlyMap<string, NodeProto>;

export function producersOf(graph: GraphProto): Producers {
  return new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
}

/** The inputs that are fed; files of old versions list constants among the inputs. */
export function fedInputs({ input, initializer }: GraphProto): string[] {
  const constants = new Set(initializer.map(({ name }) => name));
  return input.map(({ name }) => name!).filter((name) => !constants.has(name));
}

/** All values that `outputs` depend on, themselves included, and the nodes that compute them. */
export function below(
  outputs: readonly string[],
  producers: Producers,
): { values: Set<string>; nodes: Set<NodeProto> } {
  const [values, nodes] = [new Set<string>(), new Set<NodeProto>()];
  const waiting = [...outputs];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (values.has(name)) continue;
    values.add(name);
    const node = producers.get(name);
    if (!node || nodes.has(node)) continue;
    nodes.add(node);
    waiting.push(...usedBy(node));
  }
  return { values, nodes };
}

/** From this version of the format on, constants need not be inputs too. */
const LEAST_IR_VERSION = 4n;

/** A copy of the model that computes only these values: they are its outputs, without types and shapes. */
export function cutAt(model: ModelProto, ...outputs: readonly string[]): ModelProto {
  const graph = model.graph!;
  const { values, nodes } = below(outputs, producersOf(graph));
  const cut = copyOf({ ...model, metadataProps: [], graph: { ...graph, output: [], node: [], initializer: [] } });
  // The parts are shared with the original: weights may be large.
  cut.graph!.node = graph.node.filter((node) => nodes.has(node));
  cut.graph!.initializer = graph.initializer.filter(({ name }) => values.has(name!));
  // Where constants are inputs too, those that were cut off would have to be fed.
  const fed = new Set(fedInputs(graph));
  cut.graph!.input = graph.input.filter(({ name }) => fed.has(name!));
  if ((cut.irVersion ?? 0n) < LEAST_IR_VERSION) cut.irVersion = LEAST_IR_VERSION;
  cut.graph!.output = outputs.map((name) => ({ $typeName: "onnx.ValueInfoProto", name }));
  return cut;
}

/**
 * Models with one fed input each, one behind the other: each takes the first output of the one before. The result has the
 * inputs of the first, the outputs and metadata of the last, and versions and functions of `base`, one of them.
 */
export function connect(parts: readonly ModelProto[], base: ModelProto): ModelProto {
  const [first, last] = [parts[0]!, parts.at(-1)!];
  const outputs = new Set(last.graph!.output.map(({ name }) => name!));
  const { metadataProps, producerName = "" } = last;
  const whole = copyOf({ ...base, metadataProps, producerName, graph: { ...base.graph!, node: [], initializer: [] } });
  const graph = whole.graph!;
  graph.name = last.graph!.name ?? "";
  graph.input = first.graph!.input.slice(0, 1);
  graph.output = last.graph!.output;
  let taken: string | undefined;
  for (const [i, part] of parts.entries()) {
    const [input] = fedInputs(part.graph!);
    const named = (name: string) => {
      if (name === "" || (part === last && outputs.has(name))) return name;
      return name === input ? (taken ?? name) : `part${i}/${name}`;
    };
    // Renamed in a copy; the constants, which may be large, are shared.
    const { node } = copyOf({ ...part, graph: { ...part.graph!, initializer: [] } }).graph!;
    renameNodes(node, named);
    graph.node.push(...node);
    graph.initializer.push(...part.graph!.initializer.map((tensor) => ({ ...tensor, name: named(tensor.name!) })));
    taken = named(part.graph!.output[0]!.name!);
  }
  return whole;
}

function copyOf(model: ModelProto): ModelProto {
  return fromBinary(ModelProtoSchema, toBinary(ModelProtoSchema, model));
}

/** The values that a node uses, those in the branches and loops inside it too. */
function usedBy({ input, attribute }: NodeProto): string[] {
  const inside = attribute
    .flatMap(graphsOf)
    .flatMap(({ node, output }) => [...node.flatMap(usedBy), ...output.map(({ name }) => name!)]);
  return [...input, ...inside].filter((name) => name !== "");
}

const graphsOf = ({ g, graphs }: NodeProto["attribute"][number]): GraphProto[] => (g ? [g, ...graphs] : graphs);

function renameNodes(nodes: readonly NodeProto[], to: (name: string) => string): void {
  for (const node of nodes) {
    node.input = node.input.map(to);
    node.output = node.output.map(to);
    node.name = to(node.name ?? "");
    for (const graph of node.attribute.flatMap(graphsOf)) {
      for (const item of [...graph.initializer, ...graph.input, ...graph.output]) item.name = to(item.name!);
      renameNodes(graph.node, to);
    }
  }
}
