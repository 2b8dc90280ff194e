import { useSyncExternalStore } from "react";

/** Routes of the page. They are in the URL's hash (`#/runs/base-s1`), so that the server does not need to know them. */
export type Route =
  | { readonly page: "runs" }
  | { readonly page: "run"; readonly id: string }
  | { readonly page: "compare" }
  | { readonly page: "try"; readonly id: string | undefined }
  | { readonly page: "train" }
  | { readonly page: "pictures" }
  | { readonly page: "unknown" };

export function hrefOf(route: Exclude<Route, { page: "unknown" }>): string {
  switch (route.page) {
    case "runs":
      return "#/";
    case "run":
      return `#/runs/${encodeURIComponent(route.id)}`;
    case "try":
      return route.id === undefined ? "#/try" : `#/try/${encodeURIComponent(route.id)}`;
    case "pictures":
      return "#/train/pictures";
    case "compare":
    case "train":
      return `#/${route.page}`;
    default:
      return route satisfies never;
  }
}

export function parseRoute(hash: string): Route {
  const [page = "", id, ...more] = hash
    .replace(/^#?\/?/, "")
    .split("/")
    .map(decoded);
  if (more.length > 0) return { page: "unknown" };
  if (page === "" && id === undefined) return { page: "runs" };
  if (page === "runs" && id) return { page: "run", id };
  if (page === "train" && id === "pictures") return { page: "pictures" };
  if (page === "try") return { page, id };
  if ((page === "compare" || page === "train") && id === undefined) return { page };
  return { page: "unknown" };
}

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash));
}

function subscribe(changed: () => void): () => void {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
