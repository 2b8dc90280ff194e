import type { AttributeProto } from "../../../src/onnx/generated/onnx_pb.ts";
import type { Tensor } from "./tensor.ts";

/** What one node computes from. */
export interface KernelContext {
  /** Undefined: an optional input that is left out. */
  readonly inputs: readonly (Tensor | undefined)[];
  readonly attributes: Attributes;
  /** Block size of the blocked layout. */
  readonly block: number;
}

export type Kernel = (context: KernelContext) => Tensor;

/** Kernels by ONNX operator. */
export type Kernels = Readonly<Record<string, Kernel>>;

/** A node's attributes. Without a default the attribute must be there. */
export interface Attributes {
  integer(name: string, fallback?: number): number;
  integers(name: string, fallback?: readonly number[]): readonly number[];
  real(name: string, fallback?: number): number;
  reals(name: string, fallback?: readonly number[]): readonly number[];
  text(name: string, fallback?: string): string;
  /** Attributes that no kernel read. A kernel that overlooks an attribute would compute something else than ONNX does. */
  unread(): string[];
}

export function attributesOf(protos: readonly AttributeProto[]): Attributes {
  const byName = new Map(protos.map((proto) => [proto.name, proto]));
  const asked = new Set<string>();
  const read = <T>(name: string, take: (proto: AttributeProto) => T, fallback: T | undefined): T => {
    asked.add(name);
    const proto = byName.get(name);
    if (proto) return take(proto);
    if (fallback === undefined) throw new Error(`attribute ${name} is missing`);
    return fallback;
  };
  return {
    integer: (name, fallback) => read(name, ({ i }) => Number(i), fallback),
    integers: (name, fallback) => read<readonly number[]>(name, ({ ints }) => ints.map(Number), fallback),
    real: (name, fallback) => read(name, ({ f }) => f, fallback),
    reals: (name, fallback) => read<readonly number[]>(name, ({ floats }) => floats, fallback),
    text: (name, fallback) => read(name, ({ s }) => new TextDecoder().decode(s), fallback),
    unread: () => [...byName.keys()].filter((name) => !asked.has(name)),
  };
}

/** An input that the operator must have. */
export function required({ inputs }: KernelContext, index: number): Tensor {
  const input = inputs[index];
  if (!input) throw new Error(`input ${index} is missing`);
  return input;
}
