/**
 * Card of a key, with its changes.
 *
 * @module
 */
import { useState } from "preact/hooks";
import { Confirm } from "../components/confirm.tsx";
import { Icon } from "../components/icon.tsx";
import { useFormat } from "../context.tsx";
import { visibleText } from "../text/visible.ts";
import { useAdminTexts } from "./admin_texts.ts";
import { useAdmin } from "./admin_context.tsx";
import type { KeyUse, ListedKey, ListedPairing, PairingOffer } from "../../protocol/admin_api.ts";
import { isDone } from "./answers.ts";
import { ChangeKeyDialog } from "./change_key_dialog.tsx";
import { RenewDialog } from "./renew_dialog.tsx";

/** Properties of a card. */
export interface KeyCardProps {
  /** The key. */
  readonly entry: ListedKey;
  /** Code that gives it a new secret. */
  readonly pairing: ListedPairing | undefined;
  /** Shows a link. */
  readonly onOffer: (offer: PairingOffer) => void;
}

/** Card of a key. */
export function KeyCard({ entry, pairing, onOffer }: KeyCardProps) {
  const texts = useAdminTexts().devices;
  const format = useFormat();
  const state = useAdmin();
  const [open, setOpen] = useState<"change" | "renew" | "remove" | undefined>(undefined);
  const { name, kid, label, created, expires, unusable, previousUntil, summary, rights, uses, isDefault, lastUse } =
    entry;
  const close = () => setOpen(undefined);

  async function run(path: string, body: object, done: string): Promise<void> {
    const refused = await state.attempt(() => state.api.post(path, { name, ...body }, isDone));
    state.notice.value = refused ?? done;
    await state.refresh();
  }

  const isDisabled = unusable === "disabled";
  return (
    <section class="card" aria-label={name}>
      <div class="key-head">
        <span class="badge">
          <Icon name={isDefault ? "key" : "device"} />
        </span>
        <div class="text">
          <h2>{name}</h2>
          <span class="quiet">
            {label !== undefined && <bdi>{visibleText(label)} ·</bdi>} <code>{kid}</code>
          </span>
        </div>
        <div class={`pill ${unusable ?? "active"}`}>
          <span class="dot" />
          {texts.states[unusable ?? "active"]}
        </div>
      </div>
      <dl class="facts">
        <div>
          <dt>{texts.lastUse}</dt>
          <dd>{lastUse === undefined ? texts.neverUsed : <LastUse use={lastUse} />}</dd>
        </div>
        {created !== undefined && (
          <div>
            <dt>{texts.created}</dt>
            <dd>{format.dateTime(created)}</dd>
          </div>
        )}
        <div>
          <dt>{texts.expires}</dt>
          <dd>{expires === undefined ? texts.never : format.dateTime(expires)}</dd>
        </div>
        {Object.entries(uses).map(([service, runs]) => (
          <div key={service}>
            <dt>{texts.runsLeft}</dt>
            <dd>{runs === null ? texts.runsUnknown : texts.runs(format.number(runs.left), format.number(runs.of))}</dd>
          </div>
        ))}
        {previousUntil !== undefined && (
          <div>
            <dt>{texts.oldSecret}</dt>
            <dd>{format.dateTime(previousUntil)}</dd>
          </div>
        )}
        {pairing !== undefined && (
          <div>
            <dt>{texts.waits}</dt>
            <dd>{format.time(pairing.expires, Date.now())}</dd>
          </div>
        )}
      </dl>
      <details>
        <summary>
          <span class="text">
            {texts.may}
            <small class="quiet" lang="en">{visibleText(summary)}</small>
          </span>
        </summary>
        <dl class="facts" lang="en">
          {rights.map(([label, text]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{visibleText(text)}</dd>
            </div>
          ))}
        </dl>
      </details>
      {isDefault ? <p class="quiet">{texts.isDefault}</p> : (
        <div class="buttons">
          <button type="button" class="button plain small" onClick={() => setOpen("change")}>{texts.change}</button>
          <button type="button" class="button plain small" onClick={() => setOpen("renew")}>{texts.renew}</button>
          <button
            type="button"
            class="button plain small"
            onClick={() =>
              void run(
                "keys/disable",
                { disabled: !isDisabled },
                isDisabled ? texts.enabled(name) : texts.disabled(name),
              )}
          >
            {isDisabled ? texts.enable : texts.disable}
          </button>
          <button type="button" class="button danger small" onClick={() => setOpen("remove")}>{texts.remove}</button>
        </div>
      )}
      {open === "change" && <ChangeKeyDialog entry={entry} onClose={close} />}
      {open === "renew" && <RenewDialog name={name} onOffer={onOffer} onClose={close} />}
      {open === "remove" && (
        <Confirm
          title={texts.remove}
          question={texts.removeAsk(name)}
          confirm={texts.remove}
          isDanger
          onConfirm={() => void run("keys/remove", {}, texts.removed(name))}
          onClose={close}
        />
      )}
    </section>
  );
}

function LastUse({ use: { at, service, target, result } }: { readonly use: KeyUse }) {
  const texts = useAdminTexts().devices;
  const format = useFormat();
  return (
    <>
      {format.time(at, Date.now())}
      <span class="quiet">
        {" · "}
        <bdi>{visibleText(target === undefined ? service : `${service} ${target}`)}</bdi>
        {" · "}
        {texts.results[result]}
      </span>
    </>
  );
}

/** Properties of the card of a code. */
export interface PairingCardProps {
  /** The code. */
  readonly pairing: ListedPairing;
  /** Shows a link. */
  readonly onOffer: (offer: PairingOffer) => void;
}

/** Card of a code whose device has not paired yet. */
export function PairingCard({ pairing: { name, expires }, onOffer }: PairingCardProps) {
  const texts = useAdminTexts().devices;
  const format = useFormat();
  const state = useAdmin();

  const [isRenewing, setIsRenewing] = useState(false);

  async function withdraw(): Promise<void> {
    const refused = await state.attempt(() => state.api.post("keys/remove", { name }, isDone));
    state.notice.value = refused ?? texts.withdrawn(name);
    await state.refresh();
  }

  return (
    <section class="card waiting" aria-label={name}>
      <div class="key-head">
        <span class="badge">
          <Icon name="link" />
        </span>
        <div class="text">
          <h2>{name}</h2>
          <span class="quiet">{texts.waitsUntil(format.time(expires, Date.now()))}</span>
        </div>
        <div class="pill waiting">
          <span class="dot" />
          {texts.states.waiting}
        </div>
      </div>
      <div class="buttons">
        <button type="button" class="button plain small" onClick={() => setIsRenewing(true)}>{texts.newLink}</button>
        <button type="button" class="button danger small" onClick={() => void withdraw()}>{texts.withdraw}</button>
      </div>
      {isRenewing && <RenewDialog name={name} isWaiting onOffer={onOffer} onClose={() => setIsRenewing(false)} />}
    </section>
  );
}
