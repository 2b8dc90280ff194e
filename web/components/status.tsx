/** A status with a mark; screen readers announce changes. */
export function Status({ status }: { status: string }) {
  return (
    <p className={`status ${status}`} role="status">
      {status}
    </p>
  );
}
