/** A state, as a word with a mark; a new one is said aloud. */
export function Status({ status }: { status: string }) {
  return (
    <p className={`status ${status}`} role="status">
      {status}
    </p>
  );
}
