import type { ReactNode } from "react";
import type { Resource } from "../api/use-resource.ts";

interface FailureProps {
  readonly title: string;
  readonly message: string;
  readonly onRetry?: () => void;
}

/** Something went wrong: what, and what can be done. */
export function Failure({ title, message, onRetry }: FailureProps) {
  return (
    <div className="notice bad" role="alert">
      <h2>{title}</h2>
      <p>{message}</p>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** There is nothing yet, and what to do about it. */
export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="notice">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

interface WaitProps<Value> {
  readonly of: Resource<Value>;
  /** Said while it is on its way. */
  readonly words: string;
  readonly onRetry: () => void;
  readonly children: (value: Value) => ReactNode;
}

/** What was asked for, once it is here; until then that it is on its way, or why it is not coming. */
export function Wait<Value>({ of, words, onRetry, children }: WaitProps<Value>) {
  switch (of.state) {
    case "loading":
      return (
        <p className="quiet" role="status">
          {words}
        </p>
      );
    case "failed":
      return <Failure title="That did not work" message={of.error.message} onRetry={onRetry} />;
    case "ready":
      return children(of.value);
    default:
      return of satisfies never;
  }
}
