import { describeLowerings } from "../support/lowering-suite.ts";
import { matrixCases } from "./cases/matrices.ts";

describeLowerings("matrices", matrixCases);
