import { Component, type ReactNode } from "react";
import { Failure } from "./notices.tsx";

interface GuardState {
  readonly error: Error | undefined;
}

/** Error boundary: shows the error instead of an empty page. */
export class Guard extends Component<{ title: string; children: ReactNode }, GuardState> {
  override state: GuardState = { error: undefined };

  static getDerivedStateFromError(error: Error): GuardState {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <>
        <h1>{this.props.title}</h1>
        <Failure title="This part of the page failed" message={error.message} onRetry={() => location.reload()} />
      </>
    );
  }
}
