/**
 * Homes on this device.
 *
 * @module
 */
import { Icon } from "../../components/icon.tsx";
import { useApp, useTexts } from "../../context.tsx";
import { homeAddress, homeId } from "../../homes/home.ts";
import { visibleText } from "../../text/visible.ts";
import type { ScreenProps } from "../screen.ts";

/** List of homes; another one is opened by a press. */
export function HomeList({ connection }: Pick<ScreenProps, "connection">) {
  const app = useApp();
  const texts = useTexts();
  const current = homeId(connection.home);
  return (
    <section class="card">
      <h2>{texts.device.homes}</h2>
      <ul class="homes">
        {app.homes.value.map((home) => (
          <li key={homeId(home)} class={homeId(home) === current ? "current" : ""}>
            <span class="text">
              <b>
                <bdi>{visibleText(home.name)}</bdi>
              </b>
              <bdi class="quiet">{visibleText(homeAddress(home))}</bdi>
            </span>
            {homeId(home) === current
              ? <span class="tag">{texts.device.current}</span>
              : (
                <button type="button" class="button plain small" onClick={() => void app.open(home)}>
                  {texts.device.open}
                  <span class="visually-hidden">{visibleText(home.name)}</span>
                </button>
              )}
          </li>
        ))}
      </ul>
      <button type="button" class="button plain" onClick={() => app.startPairing()}>
        <Icon name="plus" />
        {texts.app.addHome}
      </button>
    </section>
  );
}
