/**
 * Screen of this device.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import type { Forgotten } from "../../app.ts";
import { Confirm } from "../../components/confirm.tsx";
import { ScreenFrame } from "../../components/screen_frame.tsx";
import { LanguageSegments } from "../../components/language_segments.tsx";
import { useApp, useTexts } from "../../context.tsx";
import { visibleText } from "../../text/visible.ts";
import type { ScreenProps } from "../screen.ts";
import { Facts } from "./facts.tsx";
import { HomeList } from "./home_list.tsx";
import { NetworkView } from "./network_view.tsx";
import { Notifications } from "./notifications/notifications.tsx";

/** Screen of this device. */
export function DeviceScreen({ connection }: ScreenProps) {
  const texts = useTexts().device;
  return (
    <ScreenFrame title={texts.title} connection={connection}>
      <div class="cards">
        <Notifications connection={connection} />
        <Facts connection={connection} />
        <NetworkView connection={connection} />
        <HomeList connection={connection} />
        <LanguageChoice />
        <Forget connection={connection} />
      </div>
    </ScreenFrame>
  );
}

function LanguageChoice() {
  const app = useApp();
  const texts = useTexts().device;
  return (
    <section class="card">
      <h2>{texts.language}</h2>
      <LanguageSegments label={texts.language} onChoose={(language) => void app.chooseLanguage(language)} />
      <Storage />
    </section>
  );
}

/** Says whether the browser keeps the key, and offers to ask for it. */
function Storage() {
  const texts = useTexts().device;
  const { persist } = useApp().browser;
  const [isKept, setIsKept] = useState<boolean | undefined>(undefined);
  useEffect(() => {
    void navigator.storage?.persisted?.().then(setIsKept);
  }, []);
  if (isKept === undefined) return null;
  return (
    <>
      <h2>{texts.storage}</h2>
      <p class="quiet">{isKept ? texts.persistent : texts.evictable}</p>
      {!isKept && (
        <button type="button" class="button plain" onClick={() => void persist().then(setIsKept)}>
          {texts.askPersist}
        </button>
      )}
    </>
  );
}

function Forget({ connection }: Pick<ScreenProps, "connection">) {
  const app = useApp();
  const texts = useTexts().device;
  const { home } = connection;
  const [isAsked, setIsAsked] = useState(false);
  const [isBusy, setIsBusy] = useState(false);
  const name = visibleText(home.name);

  async function forget(): Promise<void> {
    setIsBusy(true);
    const forgotten = await app.forget(home);
    const notices: Readonly<Record<Forgotten, string>> = {
      everywhere: texts.forgotten,
      "not_accepted": texts.forgottenNotAccepted,
      default: texts.forgottenDefault,
      "here_only": texts.forgottenHereOnly(name),
    };
    app.notify(notices[forgotten], { isLasting: forgotten === "here_only" });
  }

  return (
    <section class="card">
      <h2>{texts.forget}</h2>
      <p class="quiet">{texts.forgetLead}</p>
      <button type="button" class="button danger" disabled={isBusy} onClick={() => setIsAsked(true)}>
        {isBusy ? texts.forgetting : texts.forget}
      </button>
      {isAsked && (
        <Confirm
          title={texts.forget}
          question={texts.forgetAsk(name)}
          confirm={texts.forget}
          isDanger
          onConfirm={() => void forget()}
          onClose={() => setIsAsked(false)}
        />
      )}
    </section>
  );
}
