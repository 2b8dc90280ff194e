import { parseHTML } from "linkedom";

/** A piece of markup to be asked about its elements; spaces that keep words together are plain spaces in it. */
export function parsed(markup: string) {
  const plain = markup.replaceAll("\u00a0", " ");
  return parseHTML(plain.startsWith("<!doctype") ? plain : `<!doctype html><html><body>${plain}</body></html>`)
    .document;
}
