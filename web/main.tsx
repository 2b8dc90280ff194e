import "@fontsource-variable/instrument-sans/wght.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/pages.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { rememberScroll } from "./scroll-memory.ts";

rememberScroll();
createRoot(document.getElementById("page")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
