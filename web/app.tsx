import { useEffect, useRef } from "react";
import type { ServerAnswer } from "../src/server/api-types.ts";
import { TailorCommand } from "./api/tailor-command.ts";
import { useJson } from "./api/use-resource.ts";
import { Guard } from "./components/guard.tsx";
import { Loaded } from "./components/loaded.tsx";
import { Failure } from "./components/notices.tsx";
import { Runs } from "./pages/runs.tsx";
import { hrefOf, type Route, useRoute } from "./routes.ts";

const Run = { load: () => import("./pages/run.tsx") };
const Compare = { load: () => import("./pages/compare.tsx") };
const Try = { load: () => import("./pages/try.tsx") };
const Pictures = { load: () => import("./pages/pictures.tsx") };
const Queue = { load: () => import("./pages/queue.tsx") };
const Train = { load: () => import("./pages/train.tsx") };

const PLACES = [
  { route: { page: "runs" }, words: "Runs" },
  { route: { page: "compare" }, words: "Compare" },
  { route: { page: "try", id: undefined }, words: "Try it" },
  { route: { page: "train" }, words: "Train" },
  { route: { page: "queue" }, words: "Queue" },
] as const;

export function App() {
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const [server] = useJson<ServerAnswer>("/api/server");
  const watchesQueue = server.state === "ready" && server.value.watchesQueue;
  // What is chosen on a page (ticked runs, a network) is in the address, but does not make it another page.
  const key = route.page === "run" ? `run ${route.id}` : route.page;
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: on every change of the route, and only then
  useEffect(() => {
    document.title = titleOf(route);
    // Keyboard users continue at the start of the new page; not on the first one, which was not reached by a link.
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [key]);
  return (
    <>
      {/* Not a link: the URL's hash is the route. */}
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header className="top">
        <a className="brand" href={hrefOf({ page: "runs" })}>
          tailor
        </a>
        <nav aria-label="Pages">
          <ul>
            {PLACES.filter(({ route: { page } }) => page !== "queue" || watchesQueue).map(({ route: place, words }) => (
              <li key={words}>
                <a href={hrefOf(place)} aria-current={isAt(route, place) ? "page" : undefined}>
                  {words}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Guard key={key} title={titleOf(route)}>
          <TailorCommand value={server.state === "ready" ? server.value.command : "tailor"}>
            <Shown route={route} />
          </TailorCommand>
        </Guard>
      </main>
    </>
  );
}

function Shown({ route }: { route: Route }) {
  switch (route.page) {
    case "runs":
      return <Runs />;
    case "run":
      return <Loaded title={route.id} place={Run} props={{ id: route.id }} />;
    case "compare":
      return <Loaded title="Compare" place={Compare} props={{ wanted: route.runs }} />;
    case "try":
      return <Loaded title="Try it" place={Try} props={{ id: route.id }} />;
    case "train":
      return <Loaded title="Train" place={Train} props={{}} />;
    case "queue":
      return <Loaded title="Queue" place={Queue} props={{}} />;
    case "pictures":
      return <Loaded title="Your own pictures" place={Pictures} props={{}} />;
    case "unknown":
      return (
        <>
          <h1>Unknown page</h1>
          <Failure
            title="There is no such page"
            message="The address may be mistyped. All runs are on the first page."
          />
        </>
      );
    default:
      return route satisfies never;
  }
}

/** Whether a route belongs to a navigation entry; a run belongs to the list of runs, own pictures to training. */
function isAt(route: Route, place: Route): boolean {
  const above = route.page === "run" ? "runs" : route.page === "pictures" ? "train" : route.page;
  return above === place.page;
}

function titleOf(route: Route): string {
  if (route.page === "pictures") return "Your own pictures · tailor";
  const words = route.page === "run" ? route.id : PLACES.find((place) => place.route.page === route.page)?.words;
  return words === undefined ? "tailor" : `${words} · tailor`;
}
