// Catches a fault of the page itself and says what to do, instead of leaving it blank.
import { Component, type ReactNode } from "react";
import { strings } from "../strings";
import { Button } from "./button";
import { Notice } from "./notice";

interface State {
  crashed: boolean;
}

export class CrashGuard extends Component<{ children: ReactNode }, State> {
  override state: State = { crashed: false };

  static getDerivedStateFromError(): State {
    return { crashed: true };
  }

  override render() {
    if (!this.state.crashed) return this.props.children;
    const reload = <Button onClick={() => location.reload()}>{strings.problem.reload}</Button>;
    return (
      <Notice title={strings.problem.pageTitle} actions={reload}>
        {strings.problem.crashed}
      </Notice>
    );
  }
}
