import { UserError } from "../errors.ts";

/** Training that came to numbers which are none: of this recipe, not of how it was asked for. */
export class DivergedError extends UserError {}
