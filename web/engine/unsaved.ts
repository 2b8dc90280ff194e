/** What is in this page only: a reload would lose it, of which the browser warns. */
const unsaved = new Set<string>();

/** @param what a name for what is kept nowhere else */
export function setUnsaved(what: string, isUnsaved: boolean): void {
  if (isUnsaved) unsaved.add(what);
  else unsaved.delete(what);
  // Only while there is something: pages with this listener are not kept for Back by some browsers.
  if (unsaved.size > 0) addEventListener("beforeunload", warn);
  else removeEventListener("beforeunload", warn);
}

function warn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
