/**
 * Screen of groups of cards, such as rooms: a search, links to the groups, and the cards part by part.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Connection } from "../connection/connection.ts";
import { useFormat, useTexts, useTranslated } from "../context.tsx";
import { type CardGroup, countCards, findCards, firstCards, type GroupedCard, type LoadState } from "./card_groups.ts";
import { CARD_GROUPS_TEXTS } from "./card_groups_texts.ts";
import { Empty } from "./empty.tsx";
import { GroupLinks } from "./group_links.tsx";
import { ScreenFrame } from "./screen_frame.tsx";
import { SearchField } from "./search_field.tsx";

/** Texts of one screen. */
export interface CardGroupsTexts {
  /** Title of the screen. */
  readonly title: string;
  /** Name of the groups, such as `Rooms`. */
  readonly groups: string;
  /** Label of the search. */
  readonly find: string;
  /** Says that an answer is awaited, for screen readers. */
  readonly loading: string;
  /** Says that there is no connection to ask by. */
  readonly offline: string;
  /** Says that nothing could be loaded. */
  readonly failed: string;
}

/** Properties of the screen. */
export interface CardGroupsScreenProps<T> {
  /** Id of the screen. */
  readonly screen: string;
  /** Texts. */
  readonly texts: CardGroupsTexts;
  /** Connection to the home. */
  readonly connection: Connection;
  /** Id of the group in the page's address; undefined for all. */
  readonly wanted: string | undefined;
  /** State. */
  readonly state: LoadState;
  /** Groups that have cards. */
  readonly groups: readonly CardGroup<T>[];
  /** Returns a card. */
  readonly card: (card: GroupedCard<T>) => ComponentChildren;
  /** Note below the cards, in words. */
  readonly note?: string | undefined;
  /** Shown where there is nothing. */
  readonly empty: ComponentChildren;
  /** Loads again after a failure. */
  readonly onRetry: () => void;
}

/** Cards that are shown before a button shows more: large homes have thousands. */
const PAGE = 48;

/** Most cards that need no search. */
const MAX_WITHOUT_SEARCH = 4;

/** Screen of groups of cards. */
export function CardGroupsScreen<T>(props: CardGroupsScreenProps<T>) {
  const { screen, texts, connection, wanted, groups, card, note } = props;
  const common = useTranslated(CARD_GROUPS_TEXTS);
  const format = useFormat();
  const [search, setSearch] = useState("");
  const [limit, setLimit] = useState(PAGE);
  const found = findCards(groups, search);
  const current = search === "" ? found.find(({ id }) => id === wanted) : undefined;
  const shown = current === undefined ? found : [current];
  const count = countCards(shown);
  return (
    <ScreenFrame title={texts.title} connection={connection}>
      {groups.length === 0 && <Nothing {...props} />}
      {countCards(groups) > MAX_WITHOUT_SEARCH && (
        <SearchField
          label={texts.find}
          value={search}
          found={common.found(count, format.number(count))}
          onSearch={(text) => {
            setSearch(text);
            setLimit(PAGE);
          }}
        />
      )}
      {groups.length > 1 && found.length > 0 && (
        <GroupLinks
          screen={screen}
          label={texts.groups}
          all={common.all}
          groups={found.map(({ id, name, cards }) => ({ id, name, count: cards.length }))}
          current={current?.id}
        />
      )}
      {groups.length > 0 && count === 0 && (
        <Empty icon="search" title={common.noMatch}>
          <p>{common.noMatchHow}</p>
          <button type="button" class="button plain" onClick={() => setSearch("")}>{common.clear}</button>
        </Empty>
      )}
      <div class="unit-groups">
        {firstCards(shown, limit).map(({ id, name, cards }) => (
          <section key={id} class={`of-${Math.min(cards.length, 3)}`} aria-label={name}>
            <div class="section">
              <h2>
                <bdi>{name}</bdi>
              </h2>
            </div>
            <div class="units">{cards.map(card)}</div>
          </section>
        ))}
      </div>
      {count > limit && (
        <p class="more">
          <button type="button" class="button plain" onClick={() => setLimit(limit + PAGE)}>
            {common.more(Math.min(PAGE, count - limit))}
          </button>
        </p>
      )}
      {note !== undefined && <p class="more quiet">{note}</p>}
    </ScreenFrame>
  );
}

/** Reason for which there is nothing to show. */
function Nothing<T>({ texts, connection, state, empty, onRetry }: CardGroupsScreenProps<T>) {
  const { retry } = useTexts().app;
  if (state.kind === "failed") {
    return (
      <Empty icon="warning" title={texts.failed}>
        <p>{state.detail}</p>
        <button type="button" class="button primary" onClick={onRetry}>{retry}</button>
      </Empty>
    );
  }
  if (state.kind === "known") return <>{empty}</>;
  if (connection.status.value.kind === "offline") return <Empty icon="offline" title={texts.offline} />;
  return (
    <div class="units">
      <p class="visually-hidden" role="status">{texts.loading}</p>
      {[0, 1, 2, 3, 4, 5].map((index) => <div key={index} class="unit skeleton" aria-hidden="true" />)}
    </div>
  );
}
