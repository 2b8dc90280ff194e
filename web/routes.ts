import { useSyncExternalStore } from "react";

/** Routes of the page. They are in the URL's hash (`#/runs/base-s1`), so that the server does not need to know them. */
export type Route =
  | { readonly page: "runs" }
  | { readonly page: "run"; readonly id: string }
  /** With the ticked runs; undefined: those that are ticked at first. */
  | { readonly page: "compare"; readonly runs?: readonly string[] | undefined }
  /** With the chosen network; undefined: the first. */
  | { readonly page: "try"; readonly id: string | undefined }
  | { readonly page: "train" }
  | { readonly page: "pictures" }
  | { readonly page: "queue" }
  | { readonly page: "unknown" };

type KnownRoute = Exclude<Route, { page: "unknown" }>;

const RUNS = "?runs=";

export function hrefOf(route: KnownRoute): string {
  switch (route.page) {
    case "runs":
      return "#/";
    case "run":
      return `#/runs/${encodeURIComponent(route.id)}`;
    case "try":
      return route.id === undefined ? "#/try" : `#/try/${encodeURIComponent(route.id)}`;
    case "pictures":
      return "#/train/pictures";
    case "queue":
      return "#/queue";
    case "compare":
      return `#/compare${route.runs ? `${RUNS}${route.runs.map(encodeURIComponent).join(",")}` : ""}`;
    case "train":
      return "#/train";
    default:
      return route satisfies never;
  }
}

export function parseRoute(hash: string): Route {
  const [path = "", ticked] = hash.replace(/^#?\/?/, "").split(RUNS);
  const [page = "", id, ...more] = path.split("/").map(decoded);
  if (more.length > 0) return { page: "unknown" };
  if (page === "" && id === undefined) return { page: "runs" };
  if (page === "runs" && id) return { page: "run", id };
  if (page === "train" && id === "pictures") return { page: "pictures" };
  if (page === "try") return { page, id };
  if (page === "compare" && id === undefined) {
    return { page, runs: ticked?.split(",").flatMap((one) => (one === "" ? [] : decoded(one))) };
  }
  if ((page === "train" || page === "queue") && id === undefined) return { page };
  return { page: "unknown" };
}

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash));
}

const listeners = new Set<() => void>();

/** Keeps what was chosen on a page in its address; Back leads to the page before, not to the choice before. */
export function replaceRoute(route: KnownRoute): void {
  history.replaceState(history.state, "", hrefOf(route));
  for (const listener of listeners) listener();
}

function subscribe(changed: () => void): () => void {
  listeners.add(changed);
  addEventListener("hashchange", changed);
  return () => {
    listeners.delete(changed);
    removeEventListener("hashchange", changed);
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
