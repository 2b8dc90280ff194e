/** What one client, or all together, may ask of the server. */
export interface ServerLimits {
  /** Of a request's body. */
  readonly bodyBytes: number;
  /** Of all bodies that are being received or worked on, together. */
  readonly heldBytes: number;
  /** Of a picture, checked before it is decoded. */
  readonly pixels: number;
  /** Predictions in work at once, those that wait for the engine among them. */
  readonly predictions: number;
  /** Event streams open at once. */
  readonly streams: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  bodyBytes: 16 * 2 ** 20,
  heldBytes: 256 * 2 ** 20,
  pixels: 50e6,
  predictions: 256,
  streams: 64,
};

/** Lets in so much at once and no more. */
export interface ConcurrencyLimit {
  /**
   * Takes places.
   *
   * @param places how many; default 1
   * @returns gives them back; calling it again does nothing
   * @throws what `refusal` makes, when not so many are free
   */
  enter(places?: number): () => void;
}

export function createConcurrencyLimit(most: number, refusal: () => Error): ConcurrencyLimit {
  let taken = 0;
  return {
    enter(places = 1) {
      if (taken + places > most) throw refusal();
      taken += places;
      let isInside = true;
      return () => {
        if (isInside) taken -= places;
        isInside = false;
      };
    },
  };
}
