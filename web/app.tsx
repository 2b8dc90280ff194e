import { lazy, Suspense, useEffect, useRef } from "react";
import { Guard } from "./components/guard.tsx";
import { Failure } from "./components/notices.tsx";
import { Runs } from "./pages/runs.tsx";
import { hrefOf, type Route, useRoute } from "./routes.ts";

const Run = lazy(() => import("./pages/run.tsx"));
const Compare = lazy(() => import("./pages/compare.tsx"));
const Try = lazy(() => import("./pages/try.tsx"));
const Pictures = lazy(() => import("./pages/pictures.tsx"));
const Train = lazy(() => import("./pages/train.tsx"));

const PLACES = [
  { route: { page: "runs" }, words: "Runs" },
  { route: { page: "compare" }, words: "Compare" },
  { route: { page: "try", id: undefined }, words: "Try it" },
  { route: { page: "train" }, words: "Train" },
] as const;

export function App() {
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const key = JSON.stringify(route);
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: on every change of the route, and only then
  useEffect(() => {
    document.title = titleOf(route);
    // Keyboard users continue at the start of the new page; not on the first one, which was not reached by a link.
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
    scrollTo(0, 0);
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
            {PLACES.map(({ route: place, words }) => (
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
        <Guard key={key}>
          <Suspense fallback={<p className="quiet">Loading…</p>}>
            <Place route={route} />
          </Suspense>
        </Guard>
      </main>
    </>
  );
}

function Place({ route }: { route: Route }) {
  switch (route.page) {
    case "runs":
      return <Runs />;
    case "run":
      return <Run id={route.id} />;
    case "compare":
      return <Compare />;
    case "try":
      return <Try id={route.id} />;
    case "train":
      return <Train />;
    case "pictures":
      return <Pictures />;
    case "unknown":
      return (
        <Failure title="There is no such page" message="The address may be mistyped. All runs are on the first page." />
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
