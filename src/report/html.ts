import { html as template } from "hono/html";

/** Markup: the result of an `html` template, or text passed through `raw`. */
export type Html = Exclude<ReturnType<typeof template>, Promise<unknown>>;

/** A template that escapes its values unless they are markup; lists are joined, null and false omitted. */
export function html(strings: TemplateStringsArray, ...values: readonly unknown[]): Html {
  const made = template(strings, ...values);
  if (made instanceof Promise) throw new TypeError("html: a value is a promise; await it first");
  return made;
}

/** Text with non-breaking spaces between numbers and units: within `93.47 % ± 0.07` and `n = 3`. */
export function prose(text: string): string {
  return text.replaceAll(/(?<=\d) (?=%|points|[MG]\b)| (?=±)|(?<=±) |(?<=n) (?==)|(?<=n[ \u00a0]=) /g, "\u00a0");
}
