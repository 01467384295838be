/**
 * Notifications: on this device, on the others of its key, and the rules for them.
 *
 * @module
 */
import { useId, useState } from "preact/hooks";
import { Switch } from "../../../components/switch.tsx";
import { useFormat, useTranslated } from "../../../context.tsx";
import { browserSupport } from "../../../push/browser_push.ts";
import type { PushFault } from "../../../push/push_fault.ts";
import { visibleLines, visibleText } from "../../../text/visible.ts";
import type { ScreenProps } from "../../screen.ts";
import { GATEWAY_TEXTS, gatewayText } from "./gateway_texts.ts";
import { Rules } from "./rules.tsx";
import { NOTIFICATION_TEXTS } from "./texts.ts";
import { type KnownPush, usePush } from "./use_push.ts";

/** Cards of notifications. */
export function Notifications({ connection }: Pick<ScreenProps, "connection">) {
  const push = usePush(connection);
  const texts = useTranslated(NOTIFICATION_TEXTS);
  return (
    <>
      {push.missed.length > 0 && <Missed push={push} />}
      <section class="card notifications" aria-label={texts.title}>
        <h2>{texts.title}</h2>
        <p class="quiet">{texts.lead}</p>
        <ThisDevice push={push} />
        <Devices push={push} />
      </section>
      <Rules connection={connection} push={push} />
    </>
  );
}

function Missed({ push: { missed, markSeen } }: { readonly push: KnownPush }) {
  const texts = useTranslated(NOTIFICATION_TEXTS);
  const format = useFormat();
  return (
    <section class="card wide" aria-label={texts.missed}>
      <h2>{texts.missed}</h2>
      <ul class="homes missed">
        {missed.map(({ id, title, body, timestamp }) => (
          <li key={id}>
            <span class="text">
              <b>
                <bdi>{visibleText(title)}</bdi>
              </b>
              <bdi class="quiet">{visibleLines(body)}</bdi>
            </span>
            <time class="quiet num">{format.time(timestamp * 1000, Date.now())}</time>
          </li>
        ))}
      </ul>
      <button type="button" class="button plain" onClick={markSeen}>{texts.seen}</button>
    </section>
  );
}

function ThisDevice({ push }: { readonly push: KnownPush }) {
  const texts = useTranslated(NOTIFICATION_TEXTS);
  const id = useId();
  const support = browserSupport();
  const { state, memory, isBusy, fault, turn } = push;
  // The gateway may have lost the subscription, or given it up.
  const own = state?.subscriptions.find((one) => one.id === memory?.id);
  const isOn = memory?.isOn === true && support === "ready" && (state === undefined || own !== undefined);
  return (
    <>
      {support !== "ready" && <p class="alert">{texts.support[support]}</p>}
      <div class="form-row">
        <label for={id}>{texts.onHere}</label>
        <Switch
          id={id}
          isOn={isOn}
          isDisabled={isBusy || support !== "ready" || memory === undefined || state === undefined}
          onSwitch={turn}
        />
      </div>
      {fault !== undefined && <Fault fault={fault} />}
      {isOn && memory.id !== undefined && <TestButton push={push} id={memory.id} />}
    </>
  );
}

function TestButton({ push, id }: { readonly push: KnownPush; readonly id: string }) {
  const texts = useTranslated(NOTIFICATION_TEXTS);
  const [isSent, setIsSent] = useState(false);
  const test = () => push.send({ test: id }, (client) => client.pushTest(id));
  return (
    <>
      <button
        type="button"
        class="button plain"
        disabled={push.isBusy || push.state === undefined}
        onClick={() => void test().then(setIsSent)}
      >
        {texts.test}
      </button>
      <p class="quiet" role="status">{isSent && texts.testing}</p>
    </>
  );
}

function Fault({ fault }: { readonly fault: PushFault }) {
  const texts = useTranslated(NOTIFICATION_TEXTS);
  const gatewayTexts = useTranslated(GATEWAY_TEXTS);
  const text = fault.kind === "gateway"
    ? visibleText(gatewayText(fault.error, gatewayTexts))
    : texts.faults[fault.kind];
  return <p class="alert" role="status">{text}</p>;
}

function Devices({ push: { state, memory, isBusy, remove } }: { readonly push: KnownPush }) {
  const texts = useTranslated(NOTIFICATION_TEXTS);
  const format = useFormat();
  const time = (text: string) => format.time(Date.parse(text), Date.now());
  const subscriptions = state?.subscriptions ?? [];
  return (
    <>
      <h3>{texts.devices}</h3>
      {subscriptions.length === 0 && <p class={state === undefined ? "quiet pending" : "quiet"}>{texts.noDevices}</p>}
      <ul class="homes">
        {subscriptions.map(({ id, label, host, lastSuccess, lastFailure }) => (
          <li key={id}>
            <span class="text">
              <b>
                <bdi>{visibleText(label ?? host)}</bdi>
              </b>
              <span class="quiet">
                {lastSuccess === undefined ? texts.never : texts.delivered(time(lastSuccess))}
                {lastFailure !== undefined && lastFailure > (lastSuccess ?? "") &&
                  `, ${texts.failed(time(lastFailure))}`}
              </span>
            </span>
            {id === memory?.id && <span class="tag">{texts.thisOne}</span>}
            {(id !== memory?.id || browserSupport() !== "ready") && (
              <button
                type="button"
                class="button plain small"
                disabled={isBusy}
                onClick={() => remove(id)}
              >
                {texts.remove}
                <span class="visually-hidden">{visibleText(label ?? host)}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
