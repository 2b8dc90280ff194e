/** Whether tests beside other programs (`*.peer.test.ts`) run, as in `.ci/run`: a program that is missing is then a failure. */
export const WITH_PEERS = process.env.REQUIRE_PEERS === "1";

/**
 * Whether everything is tested, however long it takes: `npm run test:all`. Otherwise those marked THOROUGH are left out, whose
 * paths shorter tests go too.
 */
export const IS_THOROUGH = process.env.THOROUGH === "1";

/** Marks a test, or a group, as thorough: `test("name", THOROUGH, () => {})`. */
export const THOROUGH = { skip: !IS_THOROUGH } as const;
