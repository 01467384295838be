/**
 * Navigation: tabs at the bottom of a phone, a rail at the side of a desk.
 *
 * @module
 */
import type { Language } from "../catalogue/language.ts";
import { useApp, useTexts } from "../context.tsx";
import { type Home, homeAddress } from "../homes/home.ts";
import { formatRoute } from "../router.ts";
import type { Screen } from "../screens/screen.ts";
import { visibleText } from "../text/visible.ts";
import { Icon } from "./icon.tsx";

/** Screens and the open home. */
export interface NavigationProps {
  /** Screens that the key can use. */
  readonly screens: readonly Screen[];
  /** Screen that is shown. */
  readonly current: Screen;
  /** Home that is open. */
  readonly home: Home;
}

/** Navigation between screens. */
export function Navigation({ screens, current, home }: NavigationProps) {
  const app = useApp();
  const texts = useTexts().app;
  return (
    <nav class="nav" aria-label={texts.screens}>
      <div class="brand">
        <Icon name="lock" />
        <bdi>{visibleText(homeAddress(home))}</bdi>
      </div>
      <ul>
        {screens.map((screen) => (
          <li key={screen.id}>
            <a href={formatRoute(screen.id)} aria-current={screen === current ? "page" : undefined}>
              <Icon name={screen.icon} />
              <Label screen={screen} language={app.language.value} />
            </a>
          </li>
        ))}
      </ul>
      <div class="seal">
        <Icon name="lock" />
        <p>
          <b>{texts.sealed}</b>
          <bdi>{texts.key(visibleText(home.name))}</bdi>
        </p>
      </div>
    </nav>
  );
}

/** Name of a screen, and its short form for a narrow bar: one of the two is shown. */
function Label({ screen: { name, shortName }, language }: { readonly screen: Screen; readonly language: Language }) {
  if (shortName === undefined) return <span class="label">{name[language]}</span>;
  return (
    <>
      <span class="label short">{shortName[language]}</span>
      <span class="label full">{name[language]}</span>
    </>
  );
}
