import { describeLowerings } from "../support/lowering-suite.ts";
import { convolutionCases } from "./cases/convolutions.ts";

describeLowerings("convolutions", convolutionCases);
