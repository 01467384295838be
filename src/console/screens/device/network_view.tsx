/**
 * Last request beside its envelope: what the network sees.
 *
 * @module
 */
import { useEffect } from "preact/hooks";
import { GatewayError } from "@e2e-gateway/client";
import { useFormat, useTexts } from "../../context.tsx";
import { visibleText } from "../../text/visible.ts";
import type { ScreenProps } from "../screen.ts";

/** Most characters of the envelope that are shown. */
const MAX_SHOWN = 600;

/** Request on the left, envelope on the right. */
export function NetworkView({ connection }: Pick<ScreenProps, "connection">) {
  const texts = useTexts().device;
  const format = useFormat();
  const exchange = connection.lastExchange.value;

  async function send(): Promise<void> {
    try {
      await connection.refreshDevice();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
    }
  }

  useEffect(() => {
    if (exchange === undefined) void send();
  }, [connection]);

  return (
    <section class="card wide">
      <h2>{texts.network}</h2>
      <p class="quiet">{texts.networkLead}</p>
      {exchange === undefined ? <p>{texts.noExchange}</p> : (
        <div class="exchange">
          <figure>
            <figcaption>{texts.request}</figcaption>
            <pre
              tabIndex={0}
            ><code>{visibleText(JSON.stringify(exchange.request, null, 2)).replaceAll("␊", "\n")}</code></pre>
          </figure>
          <figure>
            <figcaption>
              {texts.envelope} <small class="num">{texts.bytes(format.number(exchange.envelope.length))}</small>
            </figcaption>
            <pre
              class="sealed"
              tabIndex={0}
            ><code>{`POST ${exchange.path}\n\n${exchange.envelope.slice(0, MAX_SHOWN)}`}{exchange.envelope.length > MAX_SHOWN && "…"}</code></pre>
          </figure>
        </div>
      )}
      <button type="button" class="button plain" onClick={() => void send()}>{texts.showAgain}</button>
    </section>
  );
}
