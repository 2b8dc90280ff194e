import { describeLowerings } from "../support/lowering-suite.ts";
import { generalConvolutionCases } from "./cases/general-convolutions.ts";

describeLowerings("convolutions in their general form", generalConvolutionCases);
