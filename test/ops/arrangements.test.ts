import { describeLowerings } from "../support/lowering-suite.ts";
import { arrangementCases } from "./cases/arrangements.ts";

describeLowerings("arrangements of elements", arrangementCases);
