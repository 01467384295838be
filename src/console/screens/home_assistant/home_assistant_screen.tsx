/**
 * Screen of Home Assistant: entities by domain.
 *
 * @module
 */
import { useMemo } from "preact/hooks";
import { CardGroupsScreen } from "../../components/card_groups_screen.tsx";
import { Empty } from "../../components/empty.tsx";
import { useTranslated } from "../../context.tsx";
import { visibleText } from "../../text/visible.ts";
import type { ScreenProps } from "../screen.ts";
import { cardGroups } from "./cards.ts";
import { EntityCard } from "./entity_card.tsx";
import { ServiceCard } from "./service_card.tsx";
import { HOME_ASSISTANT_TEXTS } from "./texts.ts";
import { useEntities } from "./use_entities.ts";
import { useNow } from "./use_now.ts";

/** Screen of Home Assistant. */
export function HomeAssistantScreen({ connection, rest }: ScreenProps) {
  const texts = useTranslated(HOME_ASSISTANT_TEXTS);
  const { state, entities, access, retry } = useEntities(connection);
  const now = useNow();
  const isOffline = connection.status.value.kind === "offline";
  const ids = entities.ids.value;
  const groups = useMemo(() =>
    cardGroups({
      entities: ids.flatMap((id) => entities.find(id)?.peek() ?? []),
      // Not twice, where the entity of a script has its button.
      services: access.services.filter((service) =>
        !ids.includes(service) || !access.mayCall("script.turn_on", service)
      ),
      texts,
    }), [ids, access, texts]);
  return (
    <CardGroupsScreen
      screen="home-assistant"
      texts={texts}
      connection={connection}
      wanted={rest[0]}
      state={state}
      groups={groups}
      onRetry={retry}
      card={({ id, content }) => {
        if (content.kind === "service") {
          return <ServiceCard key={id} service={content.service} connection={connection} isOffline={isOffline} />;
        }
        const entity = entities.find(content.id);
        return entity !== undefined && (
          <EntityCard
            key={id}
            entity={entity}
            access={access}
            connection={connection}
            isOffline={isOffline}
            now={now}
          />
        );
      }}
      empty={
        <Empty icon="entities" title={texts.empty}>
          <p>{texts.emptyHow}</p>
          <pre class="command"><code>{texts.emptyCommand(visibleText(connection.home.name))}</code></pre>
        </Empty>
      }
    />
  );
}
