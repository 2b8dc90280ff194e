import { describeLowerings } from "../support/lowering-suite.ts";
import { lossCases } from "./cases/losses.ts";

describeLowerings("losses", lossCases);
