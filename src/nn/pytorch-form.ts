import type { Shape } from "../graph/shape.ts";

/** The PyTorch equivalent of a layer, as Python source. */
export type PytorchForm =
  /** A module: an attribute of the network that `forward` calls. */
  | {
      readonly kind: "module";
      /** Constructor call: `nn.Conv2d(1, 32, kernel_size=3)`. */
      readonly construct: string;
      /** Whether to write it around the previous call: `self.bn1(self.conv1(x))`. */
      readonly isAround?: boolean;
      /** The call, where it is not just `module(x)`. */
      readonly call?: (module: string, x: string) => string;
    }
  /** A function without state. */
  | { readonly kind: "function"; readonly call: (x: string) => string; readonly isAround?: boolean }
  /** body(x) + shortcut(x). The layer's first `bodyLength` children are the body, the others the shortcut. */
  | { readonly kind: "residual"; readonly bodyLength: number }
  /** The layer's children in sequence, as `nn.Sequential`. */
  | { readonly kind: "sequence" }
  /** A module with the layer's children as attributes, and the lines of its `forward(self, x)`, the last one a `return`. */
  | { readonly kind: "block"; readonly forward: readonly string[] };

/** The PyTorch form of a layer, given its input's shape. */
export type ToPytorch = (x: Shape) => PytorchForm;

type Argument = number | boolean | string | readonly [number, number];

/**
 * A call in Python: `pythonCall("nn.Conv2d", [1, 32], { kernel_size: [[3, 3]], padding: [[1, 0], 0] })` gives
 * `nn.Conv2d(1, 32, kernel_size=3, padding=(1, 0))`.
 *
 * @param keywords each with its value and, where it has one, its default; a keyword with its default value is left out
 */
export function pythonCall(
  name: string,
  positional: readonly Argument[],
  keywords: Readonly<Record<string, readonly [value: Argument, standard?: Argument]>> = {},
): string {
  const given = Object.entries(keywords)
    .map(([keyword, [value, standard]]) => ({ keyword, text: python(value), standard }))
    .filter(({ text, standard }) => standard === undefined || text !== python(standard))
    .map(({ keyword, text }) => `${keyword}=${text}`);
  return `${name}(${[...positional.map(python), ...given].join(", ")})`;
}

/** A Python literal. Numbers are written the same in both languages; a pair of equal sizes becomes one number. */
function python(value: Argument): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  return value[0] === value[1] ? String(value[0]) : `(${value.join(", ")})`;
}
