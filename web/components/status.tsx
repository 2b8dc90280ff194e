/** A run's state, as a word with a mark. */
export function Status({ status }: { status: string }) {
  return <p className={`status ${status}`}>{status}</p>;
}
