/**
 * Screen of Home Assistant: entities by domain.
 *
 * @module
 */
import { useMemo, useState } from "preact/hooks";
import { Empty } from "../../components/empty.tsx";
import { GroupLinks } from "../../components/group_links.tsx";
import { ScreenFrame } from "../../components/screen_frame.tsx";
import { SearchField } from "../../components/search_field.tsx";
import { useTexts, useTranslated } from "../../context.tsx";
import { visibleText } from "../../text/visible.ts";
import type { ScreenProps } from "../screen.ts";
import { readableName } from "./entity.ts";
import { EntityCard } from "./entity_card.tsx";
import { EntityButtons } from "./entity_controls.tsx";
import { groupEntities } from "./groups.ts";
import { plainWords } from "./state_words.ts";
import { HOME_ASSISTANT_TEXTS } from "./texts.ts";
import { useEntities } from "./use_entities.ts";
import { useNow } from "./use_now.ts";

/** Cards that are shown before a button shows more: large homes have thousands of entities. */
const PAGE = 60;

/** Screen of Home Assistant. */
export function HomeAssistantScreen({ connection, rest }: ScreenProps) {
  const texts = useTranslated(HOME_ASSISTANT_TEXTS);
  const app = useTexts().app;
  const { state, entities, access, retry } = useEntities(connection);
  const now = useNow();
  const [search, setSearch] = useState("");
  const [limit, setLimit] = useState(PAGE);
  const isOffline = connection.status.value.kind === "offline";
  const ids = entities.ids.value;
  const all = useMemo(
    () =>
      groupEntities(
        ids.flatMap((id) => entities.find(id)?.peek() ?? []),
        search,
      ),
    [ids, search, state],
  );
  const domainName = (domain: string) =>
    (Object.hasOwn(texts.domains, domain) ? texts.domains[domain] : undefined) ?? plainWords(domain);
  const [wanted] = rest;
  const current = search === "" ? all.find(({ domain }) => domain === wanted) : undefined;
  const groups = current === undefined ? all : [current];
  const count = groups.reduce((sum, { entities }) => sum + entities.length, 0);
  // Scripts that are called by a service of their own; not twice, where the entity has its button.
  const services = search === "" && current === undefined
    ? access.services.filter((service) => !ids.includes(service) || !access.mayCall("script.turn_on", service))
    : [];
  const isEmpty = ids.length === 0 && services.length === 0;
  let left = limit;
  return (
    <ScreenFrame title={texts.title} connection={connection}>
      {state.kind === "failed" && ids.length === 0
        ? (
          <Empty icon="warning" title={texts.failed}>
            <p>{state.detail}</p>
            <button type="button" class="button primary" onClick={retry}>{app.retry}</button>
          </Empty>
        )
        : isEmpty && search === "" && (state.kind === "loading"
          ? (isOffline ? <Empty icon="offline" title={texts.offline} /> : (
            <div class="units">
              <p class="visually-hidden" role="status">{texts.loading}</p>
              {[0, 1, 2, 3, 4, 5].map((index) => <div key={index} class="unit skeleton" aria-hidden="true" />)}
            </div>
          ))
          : (
            <Empty icon="entities" title={texts.empty}>
              <p>{texts.emptyHow}</p>
              <pre class="command"><code>{texts.emptyCommand(visibleText(connection.home.name))}</code></pre>
            </Empty>
          ))}
      {ids.length > 0 && (
        <SearchField
          label={texts.find}
          value={search}
          found={texts.found(count)}
          onSearch={(text) => {
            setSearch(text);
            setLimit(PAGE);
          }}
        />
      )}
      {ids.length > 0 && (all.length > 1 || search !== "") && (
        <GroupLinks
          screen="home-assistant"
          label={texts.kinds}
          all={texts.all}
          groups={all.map(({ domain, entities }) => ({
            id: domain,
            name: domainName(domain),
            count: entities.length,
          }))}
          current={current?.domain}
        />
      )}
      {ids.length > 0 && count === 0 && <p class="loading" role="status">{texts.noMatch}</p>}
      <div class="unit-groups">
        {groups.map((group) => {
          const shown = group.entities.slice(0, left);
          left -= shown.length;
          if (shown.length === 0) return null;
          return (
            <section key={group.domain} class={`of-${Math.min(shown.length, 3)}`} aria-label={domainName(group.domain)}>
              <div class="section">
                <h2>{domainName(group.domain)}</h2>
              </div>
              <div class="units">
                {shown.map(({ id }) => {
                  const entity = entities.find(id);
                  return entity === undefined ? null : (
                    <EntityCard
                      key={id}
                      entity={entity}
                      access={access}
                      connection={connection}
                      isOffline={isOffline}
                      now={now}
                    />
                  );
                })}
              </div>
            </section>
          );
        })}
        {services.length > 0 && (
          <section class={`of-${Math.min(services.length, 3)}`} aria-label={texts.services}>
            <div class="section">
              <h2>{texts.services}</h2>
            </div>
            <div class="units">
              {services.map((service) => (
                <article key={service} class="unit" aria-label={readableName(service)}>
                  <h3 title={visibleText(service)}>
                    <bdi>{readableName(service)}</bdi>
                  </h3>
                  <EntityButtons
                    control={{ kind: "buttons", buttons: [{ name: "run", call: { service }, asks: false }] }}
                    entity={undefined}
                    name={readableName(service)}
                    connection={connection}
                    isOffline={isOffline}
                  />
                </article>
              ))}
            </div>
          </section>
        )}
      </div>
      {count > limit && (
        <p class="more">
          <button
            type="button"
            class="button plain"
            onClick={() => setLimit(limit + PAGE)}
          >
            {texts.more(Math.min(PAGE, count - limit))}
          </button>
        </p>
      )}
    </ScreenFrame>
  );
}
