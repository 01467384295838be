/**
 * Status of the connection.
 *
 * @module
 */
import { useApp, useFormat, useTexts } from "../context.tsx";
import type { Status } from "../connection/status.ts";

/** Pill with the status in words; its dot repeats them in colour. */
export function StatusPill({ status }: { readonly status: Status }) {
  const texts = useTexts().status;
  const format = useFormat();
  const { now } = useApp().browser;
  const [word, detail] = ((): readonly [string, string?] => {
    switch (status.kind) {
      case "connecting":
        return [texts.connecting];
      case "live":
        return status.latencyMs === undefined
          ? [texts.live]
          : [texts.live, texts.latency(format.number(status.latencyMs, 0))];
      case "catching_up":
        return [texts.catchingUp];
      case "offline":
        return status.since === undefined
          ? [texts.offline]
          : [texts.offline, texts.offlineSince(format.time(status.since, now()))];
      case "revoked":
        return [texts.revoked];
    }
  })();
  return (
    <div class={`pill ${status.kind}`}>
      <span class="dot" />
      <span role="status">{word}</span>
      {detail !== undefined && <small class="num">{detail}</small>}
    </div>
  );
}
