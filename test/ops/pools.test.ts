import { describeLowerings } from "../support/lowering-suite.ts";
import { poolCases } from "./cases/pools.ts";

describeLowerings("pools", poolCases);
