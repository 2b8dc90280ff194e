import type { GraphWriter, OnnxType } from "../../../src/onnx/graph-writer.ts";

/** A few nodes that the interpreter and ONNX Runtime both run. */
export interface NodeCase {
  readonly name: string;
  /** Inputs by name; float32 unless said. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly types?: Readonly<Record<string, OnnxType>>;
  /** Writes the nodes and gives the result's name. */
  build(writer: GraphWriter): string;
  /** Elements of the result. */
  readonly size: number;
  /**
   * Largest difference. Inputs are whole numbers from -4 to 4, of which float32 makes exact sums and products: 0 unless
   * the operator divides or takes roots and logarithms.
   */
  readonly tolerance?: number;
}
