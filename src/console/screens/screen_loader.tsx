/**
 * Loads the component of a screen, and shows it.
 *
 * @module
 */
import { useEffect, useErrorBoundary, useState } from "preact/hooks";
import { Empty } from "../components/empty.tsx";
import type { IconName } from "../components/icons.ts";
import { useTexts } from "../context.tsx";
import type { Screen, ScreenComponent, ScreenProps } from "./screen.ts";

/** State of the loading. */
type Loading = { readonly component: ScreenComponent } | "failed" | undefined;

/** Screen, loaded when it is shown for the first time. One that breaks leaves the rest of the page as it is. */
export function ScreenLoader({ screen, ...props }: ScreenProps & { readonly screen: Screen }) {
  const texts = useTexts().app;
  const [attempt, setAttempt] = useState(0);
  const [loading, setLoading] = useState<Loading>(undefined);
  const [fault, recover] = useErrorBoundary((error: unknown) => reportError(error));
  useEffect(() => {
    let isShown = true;
    new Promise<ScreenComponent>((resolve) => resolve(screen.load())).then(
      (component) => isShown && setLoading({ component }),
      () => isShown && setLoading("failed"),
    );
    return () => isShown = false;
  }, [attempt]);
  if (fault !== undefined) return <Failure icon="warning" title={texts.screenBroken} onRetry={recover} />;
  if (loading === undefined) return <p class="loading" role="status">{texts.loading}</p>;
  if (loading === "failed") {
    const retry = () => {
      setLoading(undefined);
      setAttempt(attempt + 1);
    };
    return <Failure icon="offline" title={texts.screenFailed} onRetry={retry} />;
  }
  const { component: Component } = loading;
  return <Component {...props} />;
}

interface FailureProps {
  readonly icon: IconName;
  readonly title: string;
  readonly onRetry: () => void;
}

/** Says why there is no screen. */
function Failure({ icon, title, onRetry }: FailureProps) {
  const { retry } = useTexts().app;
  return (
    <div class="screen">
      <Empty icon={icon} title={title}>
        <button type="button" class="button primary" onClick={onRetry}>{retry}</button>
      </Empty>
    </div>
  );
}
