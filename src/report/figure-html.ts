import type { StudyFigure } from "./drawn-figure.ts";
import { type Html, html, prose } from "./html.ts";

/**
 * A picture inside the page. It is an image of its own, not part of the document, so that its ids and styles meet nothing
 * else; on a narrow screen it scrolls instead of shrinking until its letters cannot be read.
 */
export function figureHtml({ name, title, caption, svg }: StudyFigure): Html {
  const source = `data:image/svg+xml;base64,${base64(svg)}`;
  return html`<figure id="figure-${name}">
<div class="card" role="region" tabindex="0" aria-label="${title}"><img src="${source}" alt="${title}"${sizeOf(svg)}></div>
<figcaption>${prose(caption)}</figcaption>
</figure>
`;
}

/** The picture's own size, so that the page does not jump while it is read in. */
function sizeOf(svg: string): Html | null {
  const head = /<svg[^>]*>/.exec(svg)?.[0] ?? "";
  const [width, height] = ["width", "height"].map(
    (side) => new RegExp(`\\s${side}="(\\d+(?:\\.\\d+)?)"`).exec(head)?.[1],
  );
  return width && height ? html` width="${width}" height="${height}"` : null;
}

/** The base64 form of a text's UTF-8 bytes. */
function base64(text: string): string {
  let bytes = "";
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return btoa(bytes);
}
