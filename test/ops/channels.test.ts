import { describeLowerings } from "../support/lowering-suite.ts";
import { channelCases } from "./cases/channels.ts";

describeLowerings("channels", channelCases);
