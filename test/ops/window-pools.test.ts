import { describeLowerings } from "../support/lowering-suite.ts";
import { windowPoolCases } from "./cases/window-pools.ts";

describeLowerings("pooling windows", windowPoolCases);
