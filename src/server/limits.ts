/** Limits per request and for all clients together. */
export interface ServerLimits {
  /** Maximum size of a request's body. */
  readonly bodyBytes: number;
  /**
   * Maximum total size of all bodies of more than 64 kB that are being received or processed. Smaller ones are limited by the
   * number of connections, so that large ones do not keep them out.
   */
  readonly heldBytes: number;
  /** Maximum number of pixels of a picture, checked before it is decoded. */
  readonly pixels: number;
  /** Maximum number of concurrent predictions, including queued ones. */
  readonly predictions: number;
  /** Maximum number of open event streams. */
  readonly streams: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  bodyBytes: 16 * 2 ** 20,
  heldBytes: 96 * 2 ** 20,
  pixels: 50e6,
  predictions: 256,
  streams: 64,
};

/** A semaphore that fails instead of waiting. */
export interface ConcurrencyLimit {
  /**
   * Acquires places.
   *
   * @param places number of places; default 1
   * @returns a function that releases them; calling it again does nothing
   * @throws the error of `refusal`, when not enough are free
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
