/**
 * Screen that pairs this device: by the link that the page was opened with, by a pasted link, or by the camera.
 *
 * @module
 */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon } from "../components/icon.tsx";
import { useApp, useTexts } from "../context.tsx";
import { visibleText } from "../text/visible.ts";
import { PairingError, type PairingFault } from "./pair_device.ts";
import { Scanner } from "./scanner.tsx";

/** Progress of pairing. */
type Progress =
  | { readonly kind: "waiting" }
  | { readonly kind: "scanning" }
  | { readonly kind: "pairing" }
  | { readonly kind: "failed"; readonly fault: PairingFault; readonly link: string };

/** Faults after which the same link may work. */
const MAY_RETRY: readonly PairingFault[] = ["unreachable", "gateway", "too_many", "storage"];

/** Properties of the screen. */
export interface PairingScreenProps {
  /** True if this device was paired before and lost its key. */
  readonly isLost: boolean;
}

/** Screen of pairing. */
export function PairingScreen({ isLost }: PairingScreenProps) {
  const app = useApp();
  const texts = useTexts().pairing;
  const [progress, setProgress] = useState<Progress>({ kind: "waiting" });
  const isPairing = useRef(false);
  const hasHome = app.connection.value !== undefined;

  async function pair(link: string): Promise<void> {
    if (isPairing.current) return;
    isPairing.current = true;
    setProgress({ kind: "pairing" });
    try {
      const { home, isNew } = await app.pair(link);
      const name = visibleText(home.name);
      app.notify(isNew ? texts.paired(name) : texts.pairedBefore(name));
    } catch (error) {
      setProgress({ kind: "failed", fault: error instanceof PairingError ? error.fault : "failed", link });
      if (!(error instanceof PairingError)) throw error;
    } finally {
      isPairing.current = false;
    }
  }

  const asked = app.pairing.value;
  useEffect(() => {
    document.title = texts.title;
    if (asked !== undefined && asked.link !== "") void whenSeen().then(() => pair(asked.link));
  }, [asked]);

  return (
    <main class="welcome" id="content">
      <div class="welcome-card">
        <span class={`badge large ${progress.kind === "failed" || isLost && !hasHome ? "heat" : ""}`}>
          <Icon name={progress.kind === "failed" ? "warning" : "lock"} />
        </span>
        <h1>{texts.title}</h1>
        {progress.kind === "pairing" ? <p class="progress" role="status">{texts.pairing}</p> : (
          <>
            {progress.kind === "failed"
              ? (
                <div class="alert" role="alert">
                  <p>{texts.faults[progress.fault]}</p>
                  {MAY_RETRY.includes(progress.fault) && (
                    <button
                      type="button"
                      class="button primary"
                      onClick={() => void pair(progress.link)}
                    >
                      {texts.tryAgain}
                    </button>
                  )}
                </div>
              )
              : isLost && !hasHome
              ? (
                <div class="alert">
                  <p>
                    <b>{texts.lost}</b>
                  </p>
                  <p>{texts.lostWhy}</p>
                </div>
              )
              : <p class="lead">{texts.lead}</p>}
            {progress.kind === "scanning"
              ? <Scanner onCode={(code) => void pair(code)} onStop={() => setProgress({ kind: "waiting" })} />
              : (
                <>
                  <p class="how">{texts.how}</p>
                  <pre class="command"><code>{texts.command}</code></pre>
                  <button
                    type="button"
                    class="button primary wide"
                    onClick={() => setProgress({ kind: "scanning" })}
                  >
                    <Icon name="scan" />
                    {texts.scan}
                  </button>
                </>
              )}
            <PasteLink onLink={(link) => void pair(link)} />
            {hasHome && (
              <button type="button" class="button plain wide" onClick={() => app.stopPairing()}>{texts.back}</button>
            )}
          </>
        )}
      </div>
    </main>
  );
}

function PasteLink({ onLink }: { readonly onLink: (link: string) => void }) {
  const texts = useTexts().pairing;
  const id = useId();
  const [link, setLink] = useState("");
  return (
    <form
      class="paste"
      onSubmit={(event) => {
        event.preventDefault();
        if (link.trim() !== "") onLink(link);
      }}
    >
      <label for={id}>{texts.paste}</label>
      <div class="field-row">
        <input
          id={id}
          class="field mono"
          type="text"
          inputMode="url"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          placeholder={texts.placeholder}
          value={link}
          onInput={(event) => setLink(event.currentTarget.value)}
        />
        <button type="submit" class="button primary">{texts.pair}</button>
      </div>
    </form>
  );
}

/** Waits until the page can be seen: a browser that loads pages ahead must not use the code. */
function whenSeen(): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (document.visibilityState !== "visible") return;
      document.removeEventListener("visibilitychange", check);
      resolve();
    };
    document.addEventListener("visibilitychange", check);
    check();
  });
}
