import type { Shape } from "../graph/shape.ts";

/** A layer in PyTorch's words, as Python source. */
export type PytorchForm =
  /** An attribute of the network, called in `forward`. */
  | {
      readonly kind: "module";
      /** What makes it: `nn.Conv2d(1, 32, kernel_size=3)`. */
      readonly construct: string;
      /** Whether it reads best around the call before it: `self.bn1(self.conv1(x))`. */
      readonly isAround?: boolean;
    }
  /** A function without state. */
  | { readonly kind: "function"; readonly call: (x: string) => string; readonly isAround?: boolean }
  /** body(x) + shortcut(x). The layer's first `bodyLength` children are the body, the others the shortcut. */
  | { readonly kind: "residual"; readonly bodyLength: number };

/** The form of a layer, given the shape that reaches it. */
export type ToPytorch = (x: Shape) => PytorchForm;

type Argument = number | boolean | readonly [number, number];

/**
 * A call in Python: `pythonCall("nn.Conv2d", [1, 32], { kernel_size: [[3, 3]], padding: [[1, 0], 0] })` gives
 * `nn.Conv2d(1, 32, kernel_size=3, padding=(1, 0))`.
 *
 * @param keywords each with its value and, where it has one, its default: then it is left out
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

/** Numbers print the same in both languages; a pair of equal sizes is one size. */
function python(value: Argument): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  return value[0] === value[1] ? String(value[0]) : `(${value.join(", ")})`;
}
