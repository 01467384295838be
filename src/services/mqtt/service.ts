/**
 * Publishing MQTT messages.
 *
 * @module
 */
import { type BrokerAddress, BrokerError, BrokerForbiddenError, type Publication } from "../../mqtt/broker.ts";
import { grantedTopicFault, isSystemTopic, topicFault } from "../../mqtt/topics/rules.ts";
import { FieldError, parsePublishRequest } from "../../protocol/payload.ts";
import type { BrokerDirectory } from "./broker_directory.ts";
import { gatewayReply, type Service, ServiceError } from "../service.ts";

/** Publishes single messages to any broker. */
export interface Publisher {
  /**
   * Publishes a message, and waits until the broker acknowledged it.
   *
   * @param owner name of the key whose connections are counted together
   * @throws {BrokerError} if there is no connection or no acknowledgement in time
   */
  publish(address: BrokerAddress, publication: Publication, options: { readonly owner: string }): Promise<void>;
}

/** Makes the service that publishes messages. */
export function createMqttService(directory: BrokerDirectory, publisher: Publisher): Service {
  return {
    name: "mqtt",
    fieldErrorStatus: 400,
    target: ({ topic }) => typeof topic === "string" ? topic : undefined,
    async handle(payload, { key, scope }) {
      const request = parsePublishRequest(payload);
      const { topic } = request;
      const isNamed = isSystemTopic(topic) && scope.mayPublish(topic);
      const fault = isNamed ? grantedTopicFault(topic) : topicFault(topic);
      if (fault !== undefined) throw new FieldError(`Invalid field: topic: ${fault}`);
      scope.publish(request.topic);
      const address = directory.resolve(request, scope);
      try {
        await publisher.publish(address, {
          topic: request.topic,
          payload: request.payload_b64 ?? messageText(request.message),
          qos: request.qos ?? 0,
          retain: request.retain ?? false,
        }, { owner: key });
      } catch (error) {
        if (error instanceof BrokerForbiddenError) {
          throw new ServiceError(403, error.message, { code: "broker_not_allowed" });
        }
        if (error instanceof BrokerError) {
          throw new ServiceError(500, `MQTT error: ${error.message}`, { code: "broker" });
        }
        throw error;
      }
      return gatewayReply(200, { success: true, topic: request.topic, message: "Published successfully" });
    },
  };
}

function messageText(message: unknown): string {
  if (message === null) return "";
  return typeof message === "string" ? message : JSON.stringify(message);
}
