import { UserError } from "../errors.ts";

/** Loss or weights became non-finite. The recipe is the reason, not the way it was run. */
export class DivergedError extends UserError {}
