/** Rights of keys in tests. */
import type { Rights, ServiceRights } from "../../src/keys/rights.ts";
import { SERVICES } from "../../src/services/registry.ts";
import { JEEDOM_RIGHTS } from "../../src/services/jeedom/rights.ts";
import type { RightsDefinition } from "../../src/services/rights_options.ts";
import { MQTT_RIGHTS } from "../../src/services/mqtt/rights.ts";
import type { ServiceModule } from "../../src/services/service.ts";

/** Rights in all services, in one object. */
export interface FlatRights {
  readonly services?: readonly string[];
  readonly publish?: readonly string[];
  readonly subscribe?: readonly string[];
  readonly methods?: readonly string[];
  readonly refusedMethods?: readonly string[];
  readonly commands?: readonly number[] | undefined;
  readonly scenarios?: readonly number[] | undefined;
  readonly endpoints?: readonly string[];
  readonly brokers?: readonly string[];
  readonly ownApikey?: boolean;
}

/** Rights in Jeedom: none but those that are given. */
export function jeedomRights({ methods, refusedMethods, commands, scenarios, endpoints, ownApikey }: FlatRights) {
  const given = { methods, refusedMethods, commands, scenarios, endpoints, ownApikey };
  return parse(JEEDOM_RIGHTS, given);
}

/** Rights in MQTT: none but those that are given. */
export function mqttRights({ publish, subscribe, brokers }: FlatRights) {
  return parse(MQTT_RIGHTS, { publish, subscribe, brokers });
}

/** Rights in the services that are named: none but those that are given. */
export function rightsOf(given: FlatRights = {}): Rights {
  const { services = [] } = given;
  return {
    ...services.includes("jeedom") ? { jeedom: jeedomRights(given) } : {},
    ...services.includes("mqtt") ? { mqtt: mqttRights(given) } : {},
  };
}

/** Rights that `keys add` grants by default, in a record. */
export const EVERYDAY_RIGHTS = {
  rights: Object.fromEntries(
    SERVICES.flatMap(({ name, rights }: ServiceModule): [string, Rights[string]][] =>
      rights.everyday === undefined ? [] : [[name, rights.everyday]]
    ),
  ),
};

/** Valid rights with all their fields; others as they are. */
function parse({ schema }: Pick<RightsDefinition, "schema">, given: object): ServiceRights {
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return schema.safeParse(defined).data ?? defined;
}
