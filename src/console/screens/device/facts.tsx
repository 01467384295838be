/**
 * Facts of this device's key and connection.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { StatusPill } from "../../components/status_pill.tsx";
import { useFormat, useTexts } from "../../context.tsx";
import { homeAddress } from "../../homes/home.ts";
import { visibleText } from "../../text/visible.ts";
import type { ScreenProps } from "../screen.ts";
import { wordsOfRights } from "./rights_words.ts";

/** Largest difference of two clocks that is called none, in milliseconds: the gateway tells whole seconds. */
const SAME_CLOCK_MS = 2000;

/** Key, its rights in words, and the connection. */
export function Facts({ connection }: Pick<ScreenProps, "connection">) {
  const texts = useTexts().device;
  const format = useFormat();
  const { home } = connection;
  const device = connection.device.value;
  const { gaps, resumes } = connection.counts.value;
  const clock = connection.clockDifference.value;
  const expiresAt = device?.expiresAt ?? home.expiresAt;
  const words = device === undefined ? [] : wordsOfRights(device, texts.rights);
  const write = (ms: number) => format.duration(Math.abs(ms));
  return (
    <>
      <section class="card">
        <h2>{texts.key}</h2>
        <dl class="facts">
          <Fact name={texts.name}>
            <bdi>{visibleText(home.name)}</bdi> <code class="quiet">{home.kid}</code>
          </Fact>
          {device?.label !== undefined && (
            <Fact name={texts.label}>
              <bdi>{visibleText(device.label)}</bdi>
            </Fact>
          )}
          <Fact name={texts.address}>
            <bdi>{visibleText(homeAddress(home))}</bdi>
          </Fact>
          <Fact name={texts.paired}>{format.dateTime(home.pairedAt)}</Fact>
          <Fact name={texts.expires}>{expiresAt === undefined ? texts.never : format.dateTime(expiresAt)}</Fact>
        </dl>
      </section>
      <section class="card">
        <h2>{texts.connection}</h2>
        <dl class="facts">
          <Fact name={texts.status}>
            <StatusPill status={connection.status.value} />
          </Fact>
          <Fact name={texts.streams}>{texts.counts(gaps, resumes)}</Fact>
          {clock !== undefined && (
            <Fact name={texts.clock}>
              {Math.abs(clock) <= SAME_CLOCK_MS
                ? texts.clockSame
                : clock > 0
                ? texts.clockAhead(write(clock))
                : texts.clockBehind(write(clock))}
            </Fact>
          )}
          <Fact name={texts.protocol}>2</Fact>
          {device?.minProtocol !== undefined && (
            <Fact name={texts.minProtocol}>
              {device.minProtocol < 2 ? texts.acceptsOlder : texts.version2Only}
            </Fact>
          )}
          {device?.version !== undefined && <Fact name={texts.gateway}>{visibleText(device.version)}</Fact>}
        </dl>
      </section>
      <section class="card wide">
        <h2>{texts.may}</h2>
        {words.length === 0
          ? <p class="quiet">{texts.mayNothing}</p>
          : <ul class="words">{words.map((words) => <li key={words}>{visibleText(words)}</li>)}</ul>}
      </section>
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
