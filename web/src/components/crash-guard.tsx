// Catches a fault of the page itself and says what to do, instead of leaving it blank.
import i18next from "i18next";
import { Component, type ReactNode } from "react";
import { Button } from "./button";
import { Notice } from "./notice";

interface CrashGuardProps {
  children: ReactNode;
  /** True around a part that is loaded when it is needed: the rest of the page goes on. */
  isPart?: boolean;
}

interface State {
  crashed: boolean;
}

export class CrashGuard extends Component<CrashGuardProps, State> {
  override state: State = { crashed: false };

  static getDerivedStateFromError(): State {
    return { crashed: true };
  }

  override render() {
    const { children, isPart = false } = this.props;
    if (!this.state.crashed) return children;
    const reload = <Button onClick={() => location.reload()}>{i18next.t("problem:reload")}</Button>;
    return (
      <Notice title={i18next.t(isPart ? "problem:partTitle" : "problem:pageTitle")} actions={reload}>
        {i18next.t(isPart ? "problem:partDetail" : "problem:crashed")}
      </Notice>
    );
  }
}
