/**
 * Calls of the services beside Jeedom and MQTT, each as one method.
 *
 * @module
 */
import type { StreamEvent } from "../protocol/event.ts";
import { type Action, type ActionList, type ActionUses, parseActions } from "./actions.ts";
import type { Answer } from "./answer.ts";
import { type Device, type KeyRights, parseDevice, type Uses } from "./device.ts";
import {
  callFields,
  historyFields,
  type HistoryOptions,
  type HomeAssistantOptions,
  type HomeAssistantPastState,
  type HomeAssistantState,
  parseHistory,
  parsePicture,
  parseState,
  parseStates,
} from "./home_assistant.ts";
import { type HttpAnswer, type HttpRequest, parseHttpAnswer } from "./http_request.ts";
import { checkWritten, type InfluxPoint, type InfluxResult, parseInfluxResult, writeFields } from "./influx.ts";
import {
  parseAlerts,
  parsePushState,
  parseRemoved,
  parseSubscriptionId,
  type PushRule,
  type PushState,
  type PushSubscriptionOptions,
} from "./push.ts";
import type { PushNotification } from "../protocol/push/notification.ts";
import type { ServiceCallOptions, StreamOptions } from "./request_options.ts";
import { type Fields, fieldsOf } from "./service_answer.ts";

export type {
  Action,
  ActionList,
  ActionUses,
  Device,
  Fields,
  HttpAnswer,
  HttpRequest,
  InfluxPoint,
  InfluxResult,
  KeyRights,
  Uses,
};
export type { HistoryOptions, HomeAssistantOptions, HomeAssistantPastState, HomeAssistantState };
export type { NotificationAction } from "../protocol/push/notification.ts";
export type { PushNotification, PushRule, PushState, PushSubscriptionOptions };
export type { PushRuleCondition, PushRuleSource, PushSubscriptionState } from "./push.ts";
export type { HttpAddress, HttpRequestFields } from "./http_request.ts";

/** Least time that the client waits beyond the gateway's own timeout of an HTTP request, in milliseconds. */
const BEYOND_TIMEOUT_MS = 10_000;

/** Client of the services. What it sends is sealed by the class that extends it. */
export abstract class ServiceClient {
  /** Calls a service, and returns its answer, whatever its status. */
  abstract call(service: string, fields?: Fields, options?: ServiceCallOptions): Promise<Answer>;

  /** Yields the events of a service. */
  abstract subscribeTo(
    service: string,
    fields?: Fields,
    options?: StreamOptions,
  ): AsyncGenerator<StreamEvent, void>;

  /**
   * Describes the key of this client: its name, rights, expiry and remaining uses. Every key may ask.
   *
   * @throws {GatewayError} if there is no answer
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * const { name, summary, expires } = await gateway.device();
   * console.log(name, summary, expires ?? "never expires");
   * ```
   */
  async device(options: ServiceCallOptions = {}): Promise<Device> {
    return parseDevice(await this.call("device", {}, options));
  }

  /**
   * Removes the key of this client from the gateway. Then its streams end, and all its requests are refused; delete it on
   * the device, too.
   *
   * @throws {WrongKeyError} if the gateway does not accept the key: an earlier call whose answer was lost may have removed
   *   it. An attacker in between can forge that refusal
   * @throws {GatewayError} if it was not removed, as the key `default`, or that is unknown
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * await gateway.forget();
   * ```
   */
  async forget(options: ServiceCallOptions = {}): Promise<void> {
    fieldsOf(await this.call("device", { forget: true }, options), "device");
  }

  /**
   * Runs an action that the operator of the gateway named.
   *
   * @param name name of the action
   * @param params its parameters, by name
   * @throws {GatewayError} if it did not run, or that is unknown
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * await gateway.action("open-gate");
   * await gateway.action("heating", { degrees: 21.5 });
   * ```
   */
  action(name: string, params?: Fields, options: ServiceCallOptions = {}): Promise<Answer> {
    return this.call("action", { name, params }, options);
  }

  /**
   * Lists the actions that the key may run, and the number of runs that it has left.
   *
   * @throws {GatewayError} if there is no list
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * const { actions, uses } = await gateway.actions();
   * for (const { name, label, state } of actions) console.log(name, label, state);
   * if (uses !== undefined) console.log(`${uses.left} of ${uses.of} runs are left`);
   * ```
   */
  async actions(options: ServiceCallOptions = {}): Promise<ActionList> {
    return parseActions(await this.call("action", {}, options));
  }

  /**
   * Sends an HTTP request from the gateway to a target that the operator named, or to a URL that the gateway allows.
   *
   * @returns the answer, whatever its status
   * @throws {GatewayError} if there is no answer
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * const events = await gateway.http({ target: "frigate", path: "/api/events", query: { limit: 5 } });
   * console.log(events.status, events.headers["content-type"], events.body);
   * const picture = await gateway.http({ target: "frigate", path: "/api/door/latest.jpg", raw: true });
   * console.log(picture.contentType, picture.bytes?.length);
   * ```
   */
  async http(request: HttpRequest, options: ServiceCallOptions = {}): Promise<HttpAnswer> {
    const { timeout } = request;
    const wait = timeout === undefined ? {} : { timeout: Math.max(40_000, timeout * 1000 + BEYOND_TIMEOUT_MS) };
    return parseHttpAnswer(await this.call("http", { ...request }, { ...wait, ...options }));
  }

  /**
   * Calls a service of Home Assistant.
   *
   * @param call domain and service, such as `light.turn_on`
   * @returns the answer of Home Assistant, whatever its status
   * @throws {GatewayError} if there is no answer of Home Assistant
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * await gateway.homeAssistant("light.turn_on", { target: "light.kitchen", data: { brightness: 128 } });
   * ```
   */
  homeAssistant(call: string, options: HomeAssistantOptions = {}): Promise<Answer> {
    return this.call("home_assistant", callFields(call, options), options);
  }

  /**
   * Returns the states of the entities that the key may read.
   *
   * @param globs entities, such as `light.*`
   * @throws {GatewayError} if there are none
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * for (const { entity_id, state } of await gateway.homeAssistantStates(["light.*"])) console.log(entity_id, state);
   * ```
   */
  async homeAssistantStates(
    globs: readonly string[],
    options: ServiceCallOptions = {},
  ): Promise<readonly HomeAssistantState[]> {
    return parseStates(await this.call("home_assistant", { states: globs }, options));
  }

  /**
   * Returns the state of one entity.
   *
   * @throws {GatewayError} if there is none
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * const { state, attributes } = await gateway.homeAssistantState("light.kitchen");
   * console.log(state, attributes["brightness"]);
   * ```
   */
  async homeAssistantState(entity: string, options: ServiceCallOptions = {}): Promise<HomeAssistantState> {
    return parseState(await this.call("home_assistant", { state: entity }, options));
  }

  /**
   * Returns past states of entities: a list for each entity that has some.
   *
   * @throws {GatewayError} if there are none
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * const start = new Date(Date.now() - 3_600_000);
   * const [past = []] = await gateway.homeAssistantHistory(["sensor.attic"], { start });
   * for (const { state, last_changed } of past) console.log(last_changed, state);
   * ```
   */
  async homeAssistantHistory(
    entities: readonly string[],
    options: HistoryOptions,
  ): Promise<readonly (readonly HomeAssistantPastState[])[]> {
    return parseHistory(await this.call("home_assistant", historyFields(entities, options), options));
  }

  /**
   * Returns the current picture of a camera.
   *
   * @throws {GatewayError} if there is none
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * const jpeg = await gateway.homeAssistantCamera("camera.door");
   * console.log(jpeg.length);
   * ```
   */
  async homeAssistantCamera(entity: string, options: ServiceCallOptions = {}): Promise<Uint8Array> {
    return parsePicture(await this.call("home_assistant", { camera: entity }, options));
  }

  /**
   * Yields the states of entities of Home Assistant: now, and after each change. The topic of a message is the entity,
   * its payload the JSON text of the state.
   *
   * @param globs entities, such as `sensor.*`
   * @throws {GatewayError} as `subscribe` does
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * for await (const event of gateway.subscribeEntities(["sensor.*"])) {
   *   if (event.type !== "message") continue;
   *   console.log(event.topic, JSON.parse(event.payload ?? "null"));
   *   break; // or go on
   * }
   * ```
   */
  subscribeEntities(globs: readonly string[], options: StreamOptions = {}): AsyncGenerator<StreamEvent, void> {
    return this.subscribeTo("home_assistant", { entities: globs }, options);
  }

  /**
   * Runs a query of InfluxDB that the operator of the gateway named.
   *
   * @param query name of the query
   * @param params its parameters, by name
   * @throws {GatewayError} if there is no result
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * const { columns, rows } = await gateway.influx("temperatures", { room: "attic" });
   * for (const row of rows) console.log(Object.fromEntries(columns.map((name, index) => [name, row[index]])));
   * ```
   */
  async influx(query: string, params?: Fields, options: ServiceCallOptions = {}): Promise<InfluxResult> {
    return parseInfluxResult(await this.call("influxdb", { query, params }, options));
  }
  /**
   * Writes a point to a place in InfluxDB that the operator of the gateway named.
   *
   * @param write name of the place
   * @throws {GatewayError} unless the point is stored
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * await gateway.influxWrite("meter", { measurement: "power", tags: { meter: "house" }, fields: { watts: 1500 } });
   * ```
   */
  async influxWrite(write: string, point: InfluxPoint, options: ServiceCallOptions = {}): Promise<void> {
    checkWritten(await this.call("influxdb", writeFields(write, point), options));
  }

  /**
   * Describes the push messages of the key of this client: its subscriptions and rules. Every key may ask.
   *
   * @throws {GatewayError} if there is no answer
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * const { publicKey, subscriptions, rules } = await gateway.push();
   * console.log(publicKey);
   * for (const { id, label, host, lastSuccess } of subscriptions) console.log(id, label, host, lastSuccess);
   * for (const { name, title } of rules) console.log(name, title);
   * ```
   */
  async push(options: ServiceCallOptions = {}): Promise<PushState> {
    return parsePushState(await this.call("push", {}, options));
  }

  /**
   * Subscribes this device to push messages. The same endpoint again replaces its subscription.
   *
   * @param subscription in a browser `{ ...subscription.toJSON(), kind: "web" }`
   * @returns id of the subscription
   * @throws {GatewayError} if the device is not subscribed: the key has too many subscriptions, or the gateway does not
   *   allow the push service
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * const keys = { p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", auth: "BTBZMqHH6r4Tts7J_aSIgg" };
   * const endpoint = "https://fcm.googleapis.com/fcm/send/example";
   * const id = await gateway.pushSubscribe({ endpoint, keys, kind: "web", label: "Phone" });
   * await gateway.pushTest(id);
   * ```
   */
  async pushSubscribe(subscription: PushSubscriptionOptions, options: ServiceCallOptions = {}): Promise<string> {
    return parseSubscriptionId(await this.call("push", { subscribe: subscription }, options));
  }

  /**
   * Removes a subscription of the key of this client.
   *
   * @param id id of the subscription
   * @returns whether there was one
   * @throws {GatewayError} if there is no answer
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * for (const { id } of (await gateway.push()).subscriptions) await gateway.pushUnsubscribe(id);
   * ```
   */
  async pushUnsubscribe(id: string, options: ServiceCallOptions = {}): Promise<boolean> {
    return parseRemoved(await this.call("push", { remove: id }, options));
  }

  /**
   * Sends a test notification to a subscription of the key of this client. It is queued when the promise settles.
   *
   * @param id id of the subscription
   * @throws {GatewayError} if it is not queued, as there is no such subscription
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * const [phone] = (await gateway.push()).subscriptions;
   * if (phone !== undefined) await gateway.pushTest(phone.id);
   * ```
   */
  async pushTest(id: string, options: ServiceCallOptions = {}): Promise<void> {
    fieldsOf(await this.call("push", { test: id }, options), "push");
  }

  /**
   * Adds a rule to the key of this client, or replaces the one of its name: all devices of the key that are subscribed are
   * told of the events.
   *
   * @throws {GatewayError} if the rule is not set: a field is wrong, or the key may not receive what it selects
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * await gateway.pushSetRule({
   *   name: "doorbell",
   *   source: { topics: ["home/doorbell"] },
   *   condition: { type: "equals", text: "pressed" },
   *   title: "Doorbell",
   *   urgency: "high",
   * });
   * ```
   */
  async pushSetRule(rule: PushRule, options: ServiceCallOptions = {}): Promise<void> {
    fieldsOf(await this.call("push", { rule }, options), "push");
  }

  /**
   * Removes a rule of the key of this client.
   *
   * @param name name of the rule
   * @returns whether there was one
   * @throws {GatewayError} if there is no answer
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * await gateway.pushRemoveRule("doorbell");
   * ```
   */
  async pushRemoveRule(name: string, options: ServiceCallOptions = {}): Promise<boolean> {
    return parseRemoved(await this.call("push", { removeRule: name }, options));
  }

  /**
   * Lists the recent alerts of the key of this client, the oldest first: also those that did not reach the device.
   *
   * @param since time of the last known alert, in seconds since 1970
   * @throws {GatewayError} if there is no list
   *
   * @example
   * ```ts
   * import { GatewayClient } from "@e2e-gateway/client";
   *
   * const gateway = new GatewayClient({ url: "https://home.example", key: "0123456789abcdef".repeat(4) });
   * for (const { timestamp, title, body } of await gateway.pushAlerts()) console.log(timestamp, title, body);
   * ```
   */
  async pushAlerts(since = 0, options: ServiceCallOptions = {}): Promise<readonly PushNotification[]> {
    return parseAlerts(await this.call("push", { alerts: { since } }, options));
  }
}
