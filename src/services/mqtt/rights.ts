/**
 * Rights of a key in MQTT: topics to publish and to subscribe to, and other brokers.
 *
 * @module
 */
import { z } from "zod";
import { ScopeError, type ServiceRights } from "../../keys/rights.ts";
import { TopicFilterSet } from "../../mqtt/topics/filter_set.ts";
import { grantFault } from "../../mqtt/topics/rules.ts";
import { type HostPattern, isHostAllowed, isHostPattern, parseHostPattern, PATTERN_RULE } from "../../net/egress.ts";
import {
  changeList,
  describeList,
  grantsAny,
  listOption,
  type RightsChange,
  type RightsDefinition,
  type RightsRequest,
  summarizeParts,
  wrongValues,
} from "../rights_options.ts";

const filters = z.array(
  z.string().superRefine((text, context) => {
    const fault = grantFault(text);
    if (fault !== undefined) context.addIssue({ code: "custom", message: `filter ${fault}` });
  }),
).max(100).default([]);

const schema = z.strictObject({
  /** Topic filters that the key may publish below. */
  publish: filters,
  /** Topic filters that the key may subscribe to, whole or narrower. */
  subscribe: filters,
  /** Brokers that a request may name, or log in to with a login of its own, out of those that the gateway allows. */
  brokers: z.array(z.string().refine(isHostPattern, PATTERN_RULE)).max(100).default([]),
});

type MqttRights = Readonly<z.output<typeof schema>>;

const NOTHING: MqttRights = schema.parse({});

/** Interpreted rights of one key in MQTT. Methods that return nothing throw {@linkcode ScopeError}. */
export class MqttGrants {
  readonly #publish: TopicFilterSet;
  readonly #subscribe: TopicFilterSet;
  readonly #brokers: readonly HostPattern[];

  /** Interprets rights. */
  constructor(given: ServiceRights) {
    const { publish, subscribe, brokers } = schema.parse(given);
    this.#publish = new TopicFilterSet(publish);
    this.#subscribe = new TopicFilterSet(subscribe);
    this.#brokers = brokers.map(parseHostPattern);
  }

  /** Returns whether the key may publish to a topic. */
  mayPublish(topic: string): boolean {
    return this.#publish.matches(topic);
  }

  /** Requires a topic to publish to. */
  publish(topic: string): void {
    if (!this.mayPublish(topic)) throw new ScopeError(`publish to ${topic}`);
  }

  /** Returns whether the key may subscribe to a filter: to all that it matches. */
  maySubscribe(filter: string): boolean {
    return this.#subscribe.covers(filter);
  }

  /** True if the key may subscribe to anything. */
  get maySubscribeAny(): boolean {
    return !this.#subscribe.isEmpty;
  }

  /** Requires a filter to subscribe to. */
  subscribe(filter: string): void {
    if (!this.maySubscribe(filter)) throw new ScopeError(`subscribe to ${filter}`);
  }

  /** Returns whether a received message may be passed on. */
  mayReceive(topic: string): boolean {
    return this.#subscribe.matches(topic);
  }

  /** Requires a broker that a request names, or logs in to with a login of its own. */
  nameBroker(host: string, port: number): void {
    if (!isHostAllowed(this.#brokers, host, port)) {
      throw new ScopeError(`name the broker ${host}:${port} or a login for it`);
    }
  }
}

/** Definition of the rights in MQTT. */
export const MQTT_RIGHTS: RightsDefinition = {
  schema: { fields: Object.keys(schema.shape), safeParse: (value) => schema.safeParse(value) },
  isInFlatFiles: true,
  all: { publish: ["#"], subscribe: ["#"], brokers: ["*"] },
  everyday: { ...NOTHING, publish: ["#"], subscribe: ["#"] },
  options: {
    publish: listOption("FILTER", "Topics to publish to, such as 'home/#'"),
    subscribe: listOption("FILTER", "Topics to subscribe to"),
    broker: listOption("HOST[:PORT]", "Other brokers, out of MQTT_ALLOWED_BROKERS"),
  },
  addNote: "MQTT: all topics of the gateway's own broker.",
  change: changeRights,
  values(rights) {
    const { publish, subscribe, brokers } = schema.parse(rights);
    return { publish, subscribe, broker: brokers };
  },
  describe: describeRights,
  summarize: summarizeRights,
  describeReach(rights) {
    const { publish } = schema.parse(rights);
    if (publish.length === 0) return undefined;
    return `publish to ${publish.join(" ")}: where that reaches devices, add --publish ''`;
  },
};

function changeRights({ before: given, values, isNamed, isNew }: RightsRequest): RightsChange {
  const before = given === undefined ? NOTHING : schema.parse(given);
  const list = (name: string) => changeList(values, name, { isNew });
  const hasTopics = before.publish.length + before.subscribe.length > 0;
  const isNarrowed = values["publish"] !== undefined || values["subscribe"] !== undefined;
  const isOrdinary = isNamed && !hasTopics && !isNarrowed;
  const publish = isOrdinary ? ["#"] : list("publish");
  const subscribe = isOrdinary ? ["#"] : list("subscribe");
  const broker = list("broker");
  const rights: MqttRights = {
    publish: publish ?? before.publish,
    subscribe: subscribe ?? before.subscribe,
    brokers: broker ?? before.brokers,
  };
  return {
    rights,
    isGranted: grantsAny([publish, subscribe, broker]),
    mistakes: [
      ...wrongValues("publish", rights.publish, grantFault),
      ...wrongValues("subscribe", rights.subscribe, grantFault),
      ...wrongValues("broker", rights.brokers, brokerFault),
      ...withoutTopics(rights),
    ],
  };
}

function brokerFault(text: string): string | undefined {
  return isHostPattern(text) ? undefined : "must be host, host:port, *.domain, a network such as 10.0.0.0/8, or *";
}

/** Reports brokers that are granted without topics: nothing can be done with them alone. */
function withoutTopics({ publish, subscribe, brokers }: MqttRights): string[] {
  if (brokers.length === 0 || publish.length + subscribe.length > 0) return [];
  return ["--broker grants nothing alone: add --publish FILTER, --subscribe FILTER, or --service mqtt for both"];
}

function describeRights(given: ServiceRights): (readonly [label: string, text: string])[] {
  const { publish, subscribe, brokers } = schema.parse(given);
  return [
    ["MQTT publish", describeList(publish)],
    ["MQTT subscribe", describeList(subscribe)],
    ["other brokers", describeList(brokers)],
  ];
}

function summarizeRights(given: ServiceRights): string {
  const { publish, subscribe, brokers } = schema.parse(given);
  return `MQTT ${summarizeParts([["publish", publish], ["subscribe", subscribe], ["brokers", brokers]])}`;
}
