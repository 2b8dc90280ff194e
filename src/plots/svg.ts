/** The part of the DOM that figures use. Both a browser's `document` and linkedom's in Node satisfy it. */
export interface SvgDocument {
  /** The third parameter is there because linkedom declares one. */
  createElementNS(namespace: string, name: string, options?: undefined): SvgElement;
}

export interface SvgNode {
  readonly nodeType: number;
}

export interface SvgElement extends SvgNode {
  readonly outerHTML: string;
  readonly childNodes: Iterable<SvgNode>;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  append(...children: (SvgNode | string)[]): void;
  querySelector(selector: string): SvgElement | null;
  querySelectorAll(selector: string): Iterable<SvgElement>;
  remove(): void;
}

/** Draws data as a self-contained <svg> element with title, axes, legend and notes. */
export type Figure<Input> = (document: SvgDocument, input: Input) => SvgElement;

export const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/** An SVG element with attributes and children; strings become text. */
export function svg(
  document: SvgDocument,
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...children: readonly (SvgNode | string)[]
): SvgElement {
  const element = document.createElementNS(SVG_NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}
