/** Lets in so much at once and no more. */
export interface Turnstile {
  /**
   * Takes places.
   *
   * @param places how many; default 1
   * @returns gives them back; calling it again does nothing
   * @throws what `refusal` makes, when not so many are free
   */
  enter(places?: number): () => void;
}

export function createTurnstile(most: number, refusal: () => Error): Turnstile {
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
