import { html as template } from "hono/html";

/** Markup: what an `html` template made, or `raw` let through. */
export type Html = Exclude<ReturnType<typeof template>, Promise<unknown>>;

/** A template whose values are escaped unless they are markup themselves; lists are joined, null and false left out. */
export function html(strings: TemplateStringsArray, ...values: readonly unknown[]): Html {
  const made = template(strings, ...values);
  if (made instanceof Promise) throw new TypeError("html: a value is a promise; await it first");
  return made;
}

/** Running text whose figures keep their units: no line ends between `93.47`, `%` and `± 0.07`, nor in `n = 3`. */
export function prose(text: string): string {
  return text.replaceAll(/(?<=\d) (?=%|points|[MG]\b)| (?=±)|(?<=±) |(?<=n) (?==)|(?<=n[ \u00a0]=) /g, "\u00a0");
}
