/**
 * Whether everything is tested, however long it takes, as `npm run test:all` and `.ci/run` do. `npm test` leaves out the tests
 * beside other programs (`*.peer.test.ts`) and those marked THOROUGH, whose paths shorter tests go too.
 */
export const IS_THOROUGH = process.env.CI === "true" || process.env.REQUIRE_PEERS === "1";

/** Marks a test, or a group, that `npm test` leaves out: `test("name", THOROUGH, () => {})`. */
export const THOROUGH = { skip: !IS_THOROUGH } as const;
