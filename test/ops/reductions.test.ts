import { describeLowerings } from "../support/lowering-suite.ts";
import { reductionCases } from "./cases/reductions.ts";

describeLowerings("reductions", reductionCases);
