/**
 * What the holder of a key may do, ready to be asked for each request.
 *
 * @module
 */
import { TopicFilterSet } from "../mqtt/topics/filter_set.ts";
import { findMethod, type JeedomMethod, otherName } from "../services/jeedom/methods.ts";
import { type BrokerPattern, isBrokerAllowed, parseBrokerPattern } from "../net/egress.ts";
import type { Rights } from "./schema.ts";

/** Something that the key does not grant. The message is for its holder, who proved the key. */
export class ScopeError extends Error {
  /** Makes the error from what the key may not do, in words that follow "may not". */
  constructor(what: string) {
    super(`This key may not ${what}`);
    this.name = "ScopeError";
  }
}

/** A method that the key's patterns do not grant; further ones can. */
export class MethodNotGrantedError extends ScopeError {
  /**
   * Makes the error.
   *
   * @param method its name, with the plugin's in front where a plugin is asked
   * @param granted the patterns that the key has
   */
  constructor(readonly method: string, readonly granted: readonly string[]) {
    super(`call the method ${method}`);
    this.name = "MethodNotGrantedError";
  }
}

/** The rights of one key. Each method throws `ScopeError` for what is not granted. */
export class Scope {
  readonly #rights: Rights;
  readonly #publish: TopicFilterSet;
  readonly #subscribe: TopicFilterSet;
  readonly #granted: readonly MethodPattern[];
  readonly #refused: readonly MethodPattern[];
  readonly #brokers: readonly BrokerPattern[];
  readonly #commands: ReadonlySet<number>;
  readonly #scenarios: ReadonlySet<number>;
  /** Whether the key reaches the commands and scenarios of its lists alone, and nothing else of the house. */
  readonly isLimited: boolean;

  /** Makes the scope from rights that were found well-formed. */
  constructor(rights: Rights) {
    this.#rights = rights;
    this.#publish = new TopicFilterSet(rights.publish);
    this.#subscribe = new TopicFilterSet(rights.subscribe);
    this.#granted = rights.methods.map((text) => methodPattern(text));
    // PHP does not tell the case of a class apart, so neither may a refusal.
    this.#refused = rights.refusedMethods.map((text) => methodPattern(text, "i"));
    this.#brokers = rights.brokers.map(parseBrokerPattern);
    this.#commands = new Set(rights.commands);
    this.#scenarios = new Set(rights.scenarios);
    this.isLimited = rights.commands !== undefined || rights.scenarios !== undefined;
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
    return this.#subscribe.covers(filter);
  }

  /** Asks to subscribe to a filter: all that it matches has to be granted. */
  subscribe(filter: string): void {
    if (!this.maySubscribe(filter)) throw new ScopeError(`subscribe to ${filter}`);
  }

  /** Tells whether a message that arrived may be passed on. */
  mayReceive(topic: string): boolean {
    return this.#subscribe.matches(topic);
  }

  /** Whether every method is granted, with whatever parameters. */
  get grantsEveryMethod(): boolean {
    return this.#rights.everyMethod === true;
  }

  /**
   * Asks to call a method of Jeedom's API.
   *
   * @param plugin the plugin whose code answers before Jeedom's own, if any: then `PLUGIN::METHOD` has to be granted by a
   * pattern that names the plugin, and METHOD as well where Jeedom has one of that name
   */
  callMethod(method: string, plugin?: string): void {
    if (plugin === undefined) return this.#call(method, findMethod(method));
    const qualified = method.startsWith(`${plugin}::`) ? method : `${plugin}::${method}`;
    this.#call(qualified, undefined);
    const own = findMethod(method);
    if (own !== undefined) this.#call(method, own);
    else this.#refuse(method, qualified);
  }

  #call(name: string, own: JeedomMethod | undefined): void {
    // Which parameters name a command is known of Jeedom's own methods alone.
    if (this.isLimited && own?.limited === undefined) throw new ScopeError(`call the method ${name}`);
    this.#refuse(name);
    if (this.grantsEveryMethod) return;
    const isGranted = this.#granted.some(({ text, regex }) =>
      regex.test(name) && (own?.granted === true || namesClass(text))
    );
    if (!isGranted) throw new MethodNotGrantedError(name, this.#rights.methods);
  }

  #refuse(name: string, shown = name): void {
    if (this.#refused.length === 0) return;
    const names = [name, otherName(name) ?? name];
    if (!this.#refused.some(({ regex }) => names.some((one) => regex.test(one)))) return;
    throw new ScopeError(`call the method ${shown}`);
  }

  /** Tells whether a command is among those that the key reaches. */
  reachesCommand(id: number): boolean {
    return !this.isLimited || this.#commands.has(id);
  }

  /** Tells whether a scenario is among those that the key reaches. */
  reachesScenario(id: number): boolean {
    return !this.isLimited || this.#scenarios.has(id);
  }

  /** Asks to call a path on the Jeedom server that is not its JSON-RPC API's own. */
  useEndpoint(path: string): void {
    const { endpoints } = this.#rights;
    const isGranted = endpoints.includes("*") || endpoints.includes(path);
    // What the parameters of another endpoint mean is not known.
    if (!isGranted || this.isLimited) throw new ScopeError(`use the endpoint ${path}`);
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

/** Tells whether a pattern names the class of what it grants, or the whole method: `*`, `c*` and `*::all` do not. */
function namesClass(text: string): boolean {
  const [name = "", ...rest] = text.split("::");
  return name !== "" && !name.includes("*") && (rest.length > 0 || text === name);
}
