/**
 * What the holder of a key may do, ready to be asked for each request.
 *
 * @module
 */
import { TopicGrants } from "../mqtt/topic_filter.ts";
import { type BrokerPattern, isBrokerAllowed, parseBrokerPattern } from "./egress.ts";
import { DANGEROUS_METHODS, type Rights } from "./key_record.ts";

/** Something that the key does not grant. The message is for its holder, who proved the key. */
export class ScopeError extends Error {
  /** Makes the error from what the key may not do, in words that follow "may not". */
  constructor(what: string) {
    super(`This key may not ${what}`);
    this.name = "ScopeError";
  }
}

/** The rights of one key. Each method throws `ScopeError` for what is not granted. */
export class Scope {
  readonly #rights: Rights;
  readonly #publish: TopicGrants;
  readonly #subscribe: TopicGrants;
  readonly #granted: readonly MethodPattern[];
  readonly #refused: readonly MethodPattern[];
  readonly #brokers: readonly BrokerPattern[];

  /** Makes the scope from rights that were found well-formed. */
  constructor(rights: Rights) {
    this.#rights = rights;
    this.#publish = new TopicGrants(rights.publish);
    this.#subscribe = new TopicGrants(rights.subscribe);
    this.#granted = rights.methods.map((text) => methodPattern(text));
    this.#refused = rights.refusedMethods.map((text) => methodPattern(text, "i"));
    this.#brokers = rights.brokers.map(parseBrokerPattern);
  }

  /** Asks for a service. */
  useService(name: string): void {
    if (!this.#rights.services.some((service) => service === name)) throw new ScopeError(`use the service ${name}`);
  }

  /** Tells whether a topic to publish to is granted. */
  mayPublish(topic: string): boolean {
    return this.#publish.matches(topic);
  }

  /** Asks to publish to a topic. */
  publish(topic: string): void {
    if (!this.mayPublish(topic)) throw new ScopeError(`publish to ${topic}`);
  }

  /** Tells whether a filter is granted: all that it matches. */
  maySubscribe(filter: string): boolean {
    return this.#subscribe.contain(filter);
  }

  /** Asks to subscribe to a filter: all that it matches has to be granted. */
  subscribe(filter: string): void {
    if (!this.maySubscribe(filter)) throw new ScopeError(`subscribe to ${filter}`);
  }

  /** Tells whether a message that arrived may be passed on. */
  mayReceive(topic: string): boolean {
    return this.#subscribe.matches(topic);
  }

  /** Asks to call a method of Jeedom's API. */
  callMethod(method: string): void {
    const matches = ({ regex }: MethodPattern) => regex.test(method);
    const danger = DANGEROUS.find(matches);
    const grants = danger === undefined
      ? this.#granted
      : this.#granted.filter(({ text }) => isOfClass(text, danger.text));
    if (!grants.some(matches) || this.#refused.some(matches)) throw new ScopeError(`call the method ${method}`);
  }

  /** Asks to call a path on the Jeedom server that is not its JSON-RPC API's own. */
  useEndpoint(path: string): void {
    const { endpoints } = this.#rights;
    if (!endpoints.includes("*") && !endpoints.includes(path)) throw new ScopeError(`use the endpoint ${path}`);
  }

  /** Asks to bring a Jeedom API key of its own, or to use a session of Jeedom's, which is as good as one. */
  bringApikey(): void {
    if (this.#rights.ownApikey) return;
    throw new ScopeError("bring an API key of its own or use a session: leave apikey, session and sess_id out");
  }

  /** Asks to name a broker, or to log in to the gateway's own with a login of its own. */
  nameBroker(host: string, port: number): void {
    if (!isBrokerAllowed(this.#brokers, host, port)) {
      throw new ScopeError(`name the broker ${host}:${port} or a login for it`);
    }
  }
}

interface MethodPattern {
  readonly text: string;
  readonly regex: RegExp;
}

function methodPattern(text: string, flags = ""): MethodPattern {
  return { text, regex: new RegExp(`^${text.split("*").map(RegExp.escape).join(".*")}$`, flags) };
}

// PHP does not tell the case of names apart, so neither may a refusal.
const DANGEROUS: readonly MethodPattern[] = DANGEROUS_METHODS.map((text) => methodPattern(text, "i"));

/** Tells whether a pattern names the class of a dangerous one: `*` and `*::*` do not. */
function isOfClass(text: string, dangerous: string): boolean {
  const [name = ""] = dangerous.split("::");
  return text.toLowerCase().startsWith(`${name.toLowerCase()}::`);
}
