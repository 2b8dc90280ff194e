import { describeLowerings } from "../support/lowering-suite.ts";
import { activationCases } from "./cases/activations.ts";

describeLowerings("activations", activationCases);
