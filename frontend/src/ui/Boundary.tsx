/** Keeps a fault in one panel from taking the page away: the rest stays readable. */
import { Component, type ErrorInfo, type ReactNode } from "react";
import { i18next } from "../i18n";

export class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override componentDidCatch(error: Error, info: ErrorInfo): void {
    reportError(new Error(`panel failed: ${error.message}${info.componentStack ?? ""}`, { cause: error }));
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="box error" role="alert">
        <strong>{i18next.t("common.page_failed")}</strong>
        <button type="button" className="button small" onClick={() => location.reload()}>
          {i18next.t("common.reload")}
        </button>
      </div>
    );
  }
}
