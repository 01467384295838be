/**
 * The MQTT service: publishes messages, and streams those that a broker sends.
 *
 * @module
 */
import { type BrokerAddress, BrokerError, BrokerForbiddenError, type Publication } from "../../mqtt/broker.ts";
import type { Deadlines } from "../../lib/deadlines.ts";
import type { ReceivedMessage } from "../../mqtt/hub/received_message.ts";
import type { Subscriber } from "../../mqtt/hub/subscriber.ts";
import {
  filterFault,
  grantedTopicFault,
  grantFault,
  isShared,
  isSystemTopic,
  topicFault,
} from "../../mqtt/topics/rules.ts";
import { createReadRights } from "../../keys/rights.ts";
import { FieldError, type Payload } from "../../protocol/payload.ts";
import { gatewayReply, type Reply, type ServiceContext, ServiceError, type StreamingService } from "../service.ts";
import type { BrokerDirectory } from "./broker_directory.ts";
import {
  isRetainedRequest,
  parsePublishRequest,
  parseRetainedRequest,
  parseSubscribeRequest,
  type SubscribeRequest,
  topicsOf,
} from "./request.ts";
import { readRetained } from "./retained.ts";
import { MqttGrants } from "./rights.ts";
import { brokerCode, brokerFailure, createStreamListener, type StreamListenerOptions } from "./stream_listener.ts";

/** Connections to brokers. */
export interface Brokers {
  /**
   * Publishes a message, and waits until the broker has acknowledged it.
   *
   * @param owner name of the key whose connections are counted together
   * @throws {BrokerError} if there is no connection or no acknowledgement in time
   */
  publish(address: BrokerAddress, publication: Publication, options: { readonly owner: string }): Promise<void>;
  /**
   * Adds a subscriber to a broker's messages.
   *
   * @returns the function that removes it
   * @throws {BrokerError} if there are too many connections or filters
   */
  listen(address: BrokerAddress, subscriber: Subscriber): () => void;
}

/** Parts of the service. */
export interface MqttServiceOptions {
  /** Finds the broker of a request. */
  readonly directory: BrokerDirectory;
  /** Connections to brokers. */
  readonly brokers: Brokers;
  /** Converts messages to events. */
  readonly events: StreamListenerOptions;
  /** Time limits. */
  readonly deadlines: Pick<Deadlines, "add">;
}

/** Name of the service. */
export const MQTT = "mqtt";

/** Makes the service. */
export function createMqttService({ directory, brokers, events, deadlines }: MqttServiceOptions): StreamingService {
  const readRights = createReadRights(MQTT, (rights) => new MqttGrants(rights));

  /** Answers a request for a retained message. */
  async function retained(payload: Payload, { key, scope }: ServiceContext): Promise<Reply> {
    const { retained: topic, ...request } = parseRetainedRequest(payload);
    const grants = readRights(scope);
    const isNamed = isSystemTopic(topic) && grants.maySubscribe(topic);
    const fault = isNamed ? grantedTopicFault(topic) : topicFault(topic);
    if (fault !== undefined) throw new FieldError(`Invalid field: retained: topic ${fault}`);
    grants.subscribe(topic);
    const address = directory.resolve(request, grants);
    const message = await readRetained(address, { topic, owner: key }, { brokers, deadlines });
    return { status: 200, bodyJson: JSON.stringify({ topic, ...payloadOf(message) }) };
  }

  return {
    name: MQTT,
    fieldErrorStatus: 400,
    aliases: { call: "/mqtt/publish", subscribe: "/mqtt/subscribe" },
    target: topicsOf,
    async handle(payload, context) {
      const { key, scope } = context;
      if (isRetainedRequest(payload)) return await retained(payload, context);
      const request = parsePublishRequest(payload);
      const { topic } = request;
      const grants = readRights(scope);
      const isNamed = isSystemTopic(topic) && grants.mayPublish(topic);
      const fault = isNamed ? grantedTopicFault(topic) : topicFault(topic);
      if (fault !== undefined) throw new FieldError(`Invalid field: topic: ${fault}`);
      grants.publish(topic);
      const address = directory.resolve(request, grants);
      const publication = {
        topic,
        payload: request.payload_b64 ?? messageText(request.message),
        qos: request.qos ?? 0,
        retain: request.retain ?? false,
      };
      try {
        await brokers.publish(address, publication, { owner: key });
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error;
        const isUnsent = error instanceof BrokerForbiddenError;
        throw new ServiceError(isUnsent ? 403 : 500, brokerFailure(error), { code: brokerCode(error), isUnsent });
      }
      return gatewayReply(200, { success: true, topic, message: "Published successfully" });
    },
    subscribe(payload, { key, stream, onConnected }) {
      const request = parseSubscribeRequest(payload);
      const grants = readRights(key.scope);
      authorizeFilters(grants, request);
      const address = directory.resolve(request, grants);
      try {
        return brokers.listen(address, createStreamListener({ stream, key, grants, request, onConnected }, events));
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error;
        stream.end("failed", brokerFailure(error), { code: brokerCode(error) });
        return () => {};
      }
    },
  };
}

/**
 * Requires the filters of a subscription.
 *
 * @throws {FieldError} if a filter is malformed
 * @throws {ScopeError} if the key does not grant one
 */
function authorizeFilters(grants: MqttGrants, { filters }: SubscribeRequest): void {
  for (const filter of filters) {
    const isNamed = isSystemTopic(filter) && grants.maySubscribe(filter);
    const fault = isNamed ? grantFault(filter) : filterFault(filter);
    if (fault !== undefined) throw new FieldError(`Invalid field: topic: filter ${fault}`);
    grants.subscribe(filter);
  }
  if (filters.length > 1 && filters.some(isShared)) {
    throw new FieldError("Invalid field: topics: a filter that begins with $share must be the only one");
  }
}

function messageText(message: unknown): string {
  if (message === null) return "";
  return typeof message === "string" ? message : JSON.stringify(message);
}

/** Returns the payload of a retained message as a text, or as bytes in base64; null where there is none. */
function payloadOf(message: ReceivedMessage | undefined): Readonly<Record<string, string | null>> {
  if (message === undefined) return { payload: null };
  const { payload } = message;
  return typeof payload === "string" ? { payload } : { payload: null, "payload_b64": payload.toBase64() };
}
