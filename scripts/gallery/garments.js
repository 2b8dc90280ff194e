// Garments of the ten classes as SVG, drawn in a square of 100 x 100. Colours are parameters: body, its shade, its
// light.

/** @typedef {{ body: string, shade: string, light: string }} Colours */

/** Outline and details of each class, in Fashion-MNIST's order. @type {{ label: string, draw: (c: Colours) => string }[]} */
export const GARMENTS = [
  {
    label: "T-shirt/top",
    draw: ({ body, shade, light }) => `
      <path fill="${body}" d="M34 12 Q50 22 66 12 L82 18 L97 42 L83 51 L76 42 V92 H24 V42 L17 51 L3 42 L18 18 Z"/>
      <path fill="${light}" d="M36 13 Q50 26 64 13 L66 12 Q50 32 34 12 Z"/>
      <path fill="none" stroke="${shade}" stroke-width="1.6" d="M76 42 L73 30 M24 42 L27 30 M40 60 Q46 74 42 90 M60 56 Q56 74 60 90"/>`,
  },
  {
    label: "Trouser",
    draw: ({ body, shade, light }) => `
      <path fill="${body}" d="M32 3 H68 L73 97 H56 L50 34 L44 97 H27 Z"/>
      <path fill="${light}" d="M32 3 H68 L68.4 9 H31.6 Z"/>
      <path fill="none" stroke="${shade}" stroke-width="1.6" d="M50 9 V34 M38 22 L36 95 M62 22 L64 95 M34 12 L40 18 M66 12 L60 18"/>`,
  },
  {
    label: "Pullover",
    draw: ({ body, shade, light }) => `
      <path fill="${body}" d="M35 8 Q50 17 65 8 L80 13 Q88 30 97 84 L84 88 L76 46 V93 H24 V46 L16 88 L3 84 Q12 30 20 13 Z"/>
      <path fill="${light}" d="M24 87 H76 V93 H24 Z M35 8 Q50 17 65 8 L67 9 Q50 23 33 9 Z M3 84 L4 79 L17 83 L16 88 Z M97 84 L96 79 L83 83 L84 88 Z"/>
      <path fill="none" stroke="${shade}" stroke-width="1.8" d="M76 46 L73 26 M24 46 L27 26 M36 36 V84 M50 28 V86 M64 36 V84"/>`,
  },
  {
    label: "Dress",
    draw: ({ body, shade, light }) => `
      <path fill="${body}" d="M38 3 L43 4 Q50 18 57 4 L62 3 L66 22 L60 40 L75 97 Q50 100 25 97 L40 40 L34 22 Z"/>
      <path fill="${light}" d="M40 40 H60 L61 44 H39 Z"/>
      <path fill="none" stroke="${shade}" stroke-width="1.6" d="M44 46 L36 94 M50 46 V96 M56 46 L64 94 M38 22 Q44 28 50 24 Q56 28 62 22"/>`,
  },
  {
    label: "Coat",
    draw: ({ body, shade }) => `
      <path fill="${body}" d="M36 3 Q50 8 64 3 L78 9 Q88 30 92 88 L80 90 L76 46 L79 97 H21 L24 46 L20 90 L8 88 Q12 30 22 9 Z"/>
      <path fill="${shade}" d="M36 3 L50 34 L64 3 L60 3 L50 24 L40 3 Z"/>
      <path fill="none" stroke="${shade}" stroke-width="3" d="M50 30 V97"/>
      <path fill="none" stroke="${shade}" stroke-width="1.8" d="M30 68 H42 M58 68 H70 M76 46 L73 24 M24 46 L27 24"/>
      <g fill="${shade}"><circle cx="54" cy="52" r="1.8"/><circle cx="54" cy="66" r="1.8"/><circle cx="54" cy="80" r="1.8"/></g>`,
  },
  {
    label: "Sandal",
    draw: ({ body, shade, light }) => `
      <path fill="${shade}" d="M2 68 Q22 72 44 62 Q66 44 88 44 L96 45 L97 66 L92 66 L90 54 Q72 58 54 68 Q30 76 3 74 Z"/>
      <path fill="none" stroke="${body}" stroke-width="5" d="M12 70 Q20 52 32 66 M36 66 Q46 44 56 57 M80 45 Q74 26 88 26 Q98 28 94 45"/>
      <path fill="none" stroke="${body}" stroke-width="3" d="M48 53 Q62 36 80 32"/>
      <circle cx="82" cy="32" r="2.2" fill="${light}"/>`,
  },
  {
    label: "Shirt",
    draw: ({ body, shade, light }) => `
      <path fill="${body}" d="M38 6 L50 14 L62 6 L78 13 Q86 34 93 78 L82 81 L74 44 L76 95 Q50 99 24 95 L26 44 L18 81 L7 78 Q14 34 22 13 Z"/>
      <path fill="${light}" d="M38 6 L50 14 L44 25 L35 9 Z M62 6 L50 14 L56 25 L65 9 Z M7 78 L8 72 L19 75 L18 81 Z M93 78 L92 72 L81 75 L82 81 Z"/>
      <path fill="none" stroke="${shade}" stroke-width="1.4" d="M50 14 V97 M58 40 H68 V52 H58 Z M74 44 L72 28 M26 44 L28 28"/>
      <g fill="${light}"><circle cx="50" cy="34" r="1.5"/><circle cx="50" cy="48" r="1.5"/><circle cx="50" cy="62" r="1.5"/><circle cx="50" cy="76" r="1.5"/></g>`,
  },
  {
    label: "Sneaker",
    draw: ({ body, shade, light }) => `
      <path fill="${body}" d="M4 68 Q5 59 22 56 Q38 50 52 36 L58 41 Q70 46 82 36 L92 33 Q97 46 97 62 L97 68 Z"/>
      <path fill="${light}" d="M3 67 H97 L96 74 Q50 76 5 74 Z"/>
      <path fill="none" stroke="${light}" stroke-width="2" d="M36 52 L46 58 M42 47 L52 53 M47 42 L57 48"/>
      <path fill="none" stroke="${shade}" stroke-width="2" d="M60 64 Q72 62 86 48 M6 66 Q12 60 24 60"/>`,
  },
  {
    label: "Bag",
    draw: ({ body, shade, light }) => `
      <path fill="none" stroke="${shade}" stroke-width="5" d="M30 40 Q30 8 50 8 Q70 8 70 40"/>
      <path fill="${body}" d="M10 38 H90 L96 90 Q50 95 4 90 Z"/>
      <path fill="${shade}" d="M10 38 H90 L91 50 Q50 62 9 50 Z"/>
      <path fill="${light}" d="M45 50 H55 V62 H45 Z"/>
      <path fill="none" stroke="${shade}" stroke-width="1.5" d="M14 60 L11 87 M86 60 L89 87"/>`,
  },
  {
    label: "Ankle boot",
    draw: ({ body, shade, light }) => `
      <path fill="${body}" d="M52 6 L92 8 Q90 40 94 62 L95 82 H76 L74 78 Q50 80 38 86 H4 Q2 72 18 66 Q44 58 52 40 Z"/>
      <path fill="${shade}" d="M4 86 H38 Q56 79 74 80 L76 88 L77 95 H95 L95 82 L76 82 Q56 84 40 91 H4 Z"/>
      <path fill="${light}" d="M52 6 L92 8 L91.6 14 L52.2 12 Z"/>
      <path fill="none" stroke="${shade}" stroke-width="2" d="M66 14 Q62 44 68 66 M54 40 L62 44 M48 50 L60 54"/>`,
  },
];

/** Cloth in some colours. @type {Record<string, Colours>} */
export const CLOTH = {
  dark: { body: "#3a3f4a", shade: "#1b1e25", light: "#6b7280" },
  middle: { body: "#7c6a5a", shade: "#4a3d31", light: "#b09a86" },
  red: { body: "#a5322f", shade: "#641715", light: "#d9746f" },
  pale: { body: "#dcd9d2", shade: "#a9a59b", light: "#f4f2ee" },
};

/**
 * A garment as an SVG file.
 *
 * @param {{ label: string, cloth: Colours, width: number, height: number, edge: number, turn?: number, ground?: string, behind?: string }} look
 *   `edge`: of the garment's centred square, in pixels; `turn`: degrees; `ground`: an SVG paint;
 *   `behind`: SVG drawn between background and garment
 */
export function garmentSvg({ label, cloth, width, height, edge, turn = 0, ground, behind = "" }) {
  const { draw } = GARMENTS.find((garment) => garment.label === label);
  const place = `translate(${(width - edge) / 2} ${(height - edge) / 2}) scale(${edge / 100}) rotate(${turn} 50 50)`;
  const floor = ground ? `<rect width="${width}" height="${height}" fill="${ground}"/>` : "";
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${floor}
    ${behind}<g transform="${place}">${draw(cloth)}</g></svg>`,
  );
}
