/**
 * Access of a key to Home Assistant, read from its rights as the keys file has them. The gateway decides; the page only does
 * not show what would be refused.
 *
 * @module
 */
import { isObject } from "../../../lib/json.ts";
import { type DeviceInfo, readableEntities } from "../../connection/device_info.ts";
import { matchesEntity } from "../../connection/topic_match.ts";

/** Domains whose services a pattern grants only if it names the domain. */
const NAMED_DOMAINS: readonly string[] = [
  "automation",
  "hassio",
  "homeassistant",
  "notify",
  "pyscript",
  "python_script",
  "rest_command",
  "script",
  "shell_command",
];

/** Returns whether the key may call a service for an entity, or without one. */
export type MayCall = (service: string, entity: string | undefined) => boolean;

/** Access of a key. */
export interface EntityAccess {
  /** Patterns of entities that it may read. */
  readonly read: readonly string[];
  /** Returns whether it may call a service. */
  readonly mayCall: MayCall;
  /** Entities that its calls name one by one; it may be unable to read them. */
  readonly named: readonly string[];
  /** Services without entities that its calls name one by one, such as `script.good_night`. */
  readonly services: readonly string[];
}

/** Reads the access of a key from its rights. */
export function entityAccess({ rights }: Pick<DeviceInfo, "rights">): EntityAccess {
  const own = rights["home_assistant"];
  const { call, everyCall } = isObject(own) ? own : {};
  const grants = (Array.isArray(call) ? call : []).filter((text) => typeof text === "string").map((text) => {
    const [service = "", entity] = text.split("@");
    return { service, entity };
  });
  return {
    read: readableEntities({ rights }),
    mayCall(service, entity) {
      if (everyCall === true) return true;
      const domain = domainOf(service);
      return grants.some((grant) => {
        if (!matchesEntity(grant.service, service)) return false;
        if (entity === undefined || grant.entity === undefined) return entity === grant.entity;
        const isOwnDomain = domainOf(entity) === domain && !NAMED_DOMAINS.includes(domain);
        const namesDomain = grant.service !== "*" && !domainOf(grant.service).includes("*");
        return (namesDomain || isOwnDomain) && matchesEntity(grant.entity, entity);
      });
    },
    named: [...new Set(grants.flatMap(({ entity }) => entity === undefined || entity.includes("*") ? [] : [entity]))],
    services: grants.flatMap(({ service, entity }) => entity === undefined && !service.includes("*") ? [service] : []),
  };
}

/** Returns the domain of an entity or a service. */
export function domainOf(name: string): string {
  return name.slice(0, Math.max(0, name.indexOf(".")));
}
