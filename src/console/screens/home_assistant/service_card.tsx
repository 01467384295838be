/**
 * Card of a service that is called without an entity, such as a script.
 *
 * @module
 */
import type { Connection } from "../../connection/connection.ts";
import { visibleText } from "../../text/visible.ts";
import { readableName } from "./entity.ts";
import { EntityButtons } from "./entity_controls.tsx";

/** Properties of the card. */
export interface ServiceCardProps {
  /** Service, such as `script.good_night`. */
  readonly service: string;
  /** Connection to the home. */
  readonly connection: Connection;
  /** True while nothing can be sent. */
  readonly isOffline: boolean;
}

/** Card of a service. */
export function ServiceCard({ service, connection, isOffline }: ServiceCardProps) {
  const name = readableName(service);
  return (
    <article class="unit" aria-label={name}>
      <h3 title={visibleText(service)}>
        <bdi>{name}</bdi>
      </h3>
      <EntityButtons
        control={{ kind: "buttons", buttons: [{ name: "run", call: { service }, asks: false }] }}
        entity={undefined}
        name={name}
        connection={connection}
        isOffline={isOffline}
      />
    </article>
  );
}
