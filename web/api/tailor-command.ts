import { createContext, useContext } from "react";

/** How tailor's command is typed where the server was started. */
export const TailorCommand = createContext("tailor");

export const useTailorCommand = (): string => useContext(TailorCommand);
