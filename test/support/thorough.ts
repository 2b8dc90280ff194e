/**
 * Whether everything is tested, however long it takes, as `.ci/run` does: a few cases that differ little from one that always
 * runs are left out otherwise, so that `npm test` stays short.
 */
export const IS_THOROUGH = process.env.CI === "true" || process.env.REQUIRE_PEERS === "1";
