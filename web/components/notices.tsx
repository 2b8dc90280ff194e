import type { ReactNode } from "react";
import type { Resource } from "../api/use-resource.ts";

interface FailureProps {
  readonly title: string;
  readonly message: string;
  readonly onRetry?: () => void;
}

/** An error message, with what can be done. */
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

/** An empty state, with what to do about it. */
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
  /** Text while it is loading. */
  readonly words: string;
  readonly onRetry: () => void;
  readonly children: (value: Value) => ReactNode;
}

/** Shows a resource once it is loaded; until then a loading text, or the error. */
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
