import { encode } from "fast-png";
import { checkSome, frame } from "./figure.ts";
import { type SvgDocument, type SvgElement, svg } from "./svg.ts";
import { blockHeight, textBlock, widestText } from "./text.ts";
import { COLORS, FONT_PX, INK, MARGIN_PX } from "./theme.ts";

export interface ContactSheetImage {
  /** 0 to 255, [channels, height, width]: grey from black to white, or red, green and blue. */
  readonly pixels: Uint8Array;
  /** Default 1. */
  readonly channels?: 1 | 3 | undefined;
  readonly width: number;
  readonly height: number;
  /** Lines under the image. */
  readonly caption: readonly string[];
  readonly border?: "good" | "bad" | undefined;
}

export interface ContactSheet {
  readonly title?: string | undefined;
  readonly columns: number;
  readonly images: readonly ContactSheetImage[];
  /** Note below the plot. */
  readonly note?: string | undefined;
}

/** Edge of the square that an image is fitted in: 4 x 28 pixels. */
const IMAGE_PX = 112;
const GAP_PX = 18;
const CAPTION_GAP_PX = 7;
const SMALLEST_WIDTH_PX = 320;
/** The border of bad images is dashed, so that it can be recognized without its colour. */
const BORDER = {
  good: { stroke: COLORS.blue, "stroke-width": 3 },
  bad: { stroke: COLORS.vermillion, "stroke-width": 3, "stroke-dasharray": "8 4" },
  none: { stroke: INK.rule, "stroke-width": 1 },
} as const;

/**
 * Draws small images in rows, each with a caption below.
 *
 * @throws RangeError when there are no images or columns, or an image does not have channels x height x width values
 */
export function contactSheet(document: SvgDocument, { title = "", columns, images, note }: ContactSheet): SvgElement {
  checkSome(images, "images");
  if (!(Number.isInteger(columns) && columns > 0)) throw new RangeError(`a contact sheet of ${columns} columns`);
  const widest = Math.max(...images.map(({ caption }) => widestText(caption, FONT_PX.small)));
  const cellWidth = Math.ceil(Math.max(IMAGE_PX, widest)) + GAP_PX;
  const captionLines = Math.max(...images.map(({ caption }) => caption.length));
  const captionHeight = captionLines * blockHeight([""], FONT_PX.small);
  const cellHeight = Math.ceil(IMAGE_PX + CAPTION_GAP_PX + captionHeight) + GAP_PX;
  const cells = images.map((image, i) => {
    const left = MARGIN_PX + (i % columns) * cellWidth;
    const top = 2 + Math.floor(i / columns) * cellHeight;
    const caption = { x: (cellWidth - GAP_PX) / 2, y: IMAGE_PX + CAPTION_GAP_PX, size: FONT_PX.small };
    return svg(
      document,
      "g",
      { transform: `translate(${left},${top})` },
      picture(document, image, (cellWidth - GAP_PX - IMAGE_PX) / 2),
      textBlock(document, image.caption, { ...caption, anchor: "middle" }),
    );
  });
  const used = Math.min(columns, images.length);
  return frame(document, {
    title,
    notes: [note],
    width: Math.max(SMALLEST_WIDTH_PX, 2 * MARGIN_PX + used * cellWidth - GAP_PX),
    height: Math.ceil(images.length / columns) * cellHeight - GAP_PX,
    body: cells,
  });
}

/** An image with its border; pixels are drawn as squares. */
function picture(document: SvgDocument, { border, ...image }: ContactSheetImage, left: number): SvgElement {
  const scale = IMAGE_PX / Math.max(image.width, image.height);
  const box = {
    x: left + (IMAGE_PX - image.width * scale) / 2,
    y: (IMAGE_PX - image.height * scale) / 2,
    width: image.width * scale,
    height: image.height * scale,
  };
  return svg(
    document,
    "g",
    {},
    svg(document, "image", { ...box, "image-rendering": "optimizeSpeed", href: pngUri(image, Math.ceil(scale)) }),
    svg(document, "rect", { ...box, fill: "none", ...BORDER[border ?? "none"] }),
  );
}

/**
 * Encodes an image as a PNG data URI, every pixel as a square of `scale` x `scale`, as viewers would smooth it when
 * enlarging.
 *
 * @throws RangeError when there are not channels x height x width values
 */
function pngUri(
  { pixels, channels = 1, width, height }: Omit<ContactSheetImage, "caption" | "border">,
  scale: number,
): string {
  const plane = width * height;
  if (!(pixels.length === channels * plane && pixels.length > 0)) {
    throw new RangeError(`${pixels.length} values are no image of ${channels} x ${height} x ${width}`);
  }
  const [wide, high] = [width * scale, height * scale];
  const data = new Uint8Array(wide * high * channels);
  for (let y = 0; y < high; y++) {
    const row = Math.floor(y / scale) * width;
    for (let x = 0; x < wide; x++) {
      const from = row + Math.floor(x / scale);
      for (let c = 0; c < channels; c++) data[(y * wide + x) * channels + c] = pixels[c * plane + from]!;
    }
  }
  const bytes = encode({ data, width: wide, height: high, channels, depth: 8 });
  return `data:image/png;base64,${btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""))}`;
}
