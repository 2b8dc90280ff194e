import { describeLowerings } from "../support/lowering-suite.ts";
import { depthwiseCases } from "./cases/depthwise.ts";

describeLowerings("depthwise convolutions", depthwiseCases);
