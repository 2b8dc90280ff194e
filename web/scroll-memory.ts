/**
 * Where each entry of the history was scrolled to. A browser restores that as soon as the entry is back, when its content is
 * still being loaded and the page too short; so the place is kept here, until the content reaches it.
 */
const places = new Map<string, number>();
const STORED_AS = "tailor-scroll";

/** The place to go to; undefined once whoever reads has moved. */
let wanted: number | undefined;
let key = "";

/** Starts to remember; call it once. */
export function rememberScroll(): void {
  history.scrollRestoration = "manual";
  for (const [at, place] of Object.entries(storedPlaces())) places.set(at, place);
  addEventListener("pagehide", () => sessionStorage.setItem(STORED_AS, JSON.stringify(Object.fromEntries(places))));
  addEventListener("scroll", () => {
    // Content that is replaced by shorter content moves too, but not because anybody wants to.
    if (wanted === undefined) places.set(key, scrollY);
  });
  for (const event of ["wheel", "touchmove", "pointerdown", "keydown"] as const) {
    addEventListener(event, leaveAlone, { passive: true });
  }
  addEventListener("hashchange", enter);
  new ResizeObserver(goThere).observe(document.body);
  enter();
}

/** Goes to where the current entry was left, or to the top of a new one. */
function enter(): void {
  const known: unknown = history.state?.scrollKey;
  if (typeof known === "string") key = known;
  else {
    key = crypto.getRandomValues(new Uint32Array(2)).join("-");
    history.replaceState({ ...history.state, scrollKey: key }, "");
  }
  wanted = places.get(key) ?? 0;
  goThere();
}

function goThere(): void {
  if (wanted !== undefined) scrollTo({ top: wanted, behavior: "instant" });
}

function leaveAlone(): void {
  wanted = undefined;
}

function storedPlaces(): Record<string, number> {
  try {
    return JSON.parse(sessionStorage.getItem(STORED_AS) ?? "{}");
  } catch {
    return {};
  }
}
