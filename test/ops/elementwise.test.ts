import { describeLowerings } from "../support/lowering-suite.ts";
import { elementwiseCases } from "./cases/elementwise.ts";

describeLowerings("elementwise operations", elementwiseCases);
