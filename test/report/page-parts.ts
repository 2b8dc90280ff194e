import { parseHTML } from "linkedom";

/** Parsed markup, with non-breaking spaces replaced by plain ones. */
export function parsed(markup: string) {
  const plain = markup.replaceAll("\u00a0", " ");
  return parseHTML(plain.startsWith("<!doctype") ? plain : `<!doctype html><html><body>${plain}</body></html>`)
    .document;
}
