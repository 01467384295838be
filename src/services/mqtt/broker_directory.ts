/**
 * Brokers that requests may name.
 *
 * @module
 */
import type { BrokerAddress } from "../../mqtt/broker.ts";
import { FieldError } from "../../protocol/payload.ts";
import { hostFault, type HostPattern, isHostAllowed } from "../../net/egress.ts";
import { canonicalHost, isHost } from "../../net/host.ts";
import { ServiceError } from "../service.ts";
import type { BrokerFields } from "./request.ts";
import type { MqttGrants } from "./rights.ts";

/** Finds the broker for a request. */
export interface BrokerDirectory {
  /**
   * Returns the address of the broker that a request names, or of the configured one.
   *
   * @throws {ServiceError} if the broker is not allowed; `ScopeError` if the key does not grant it; `FieldError` if the
   * login is incomplete
   */
  resolve(fields: BrokerFields, grants: MqttGrants): BrokerAddress;
}

/** Options of a directory. */
export interface BrokerDirectoryOptions {
  /** The configured broker, with its login. */
  readonly configured: BrokerAddress;
  /** Patterns of other brokers that requests may name. */
  readonly allowed: readonly HostPattern[];
  /** Port of a broker that a request names without one. */
  readonly defaultPort: number;
}

/**
 * Makes a directory. The configured login and TLS go to the configured broker and to no other; a request's own
 * login replaces them.
 */
export function createBrokerDirectory({ configured, allowed, defaultPort }: BrokerDirectoryOptions): BrokerDirectory {
  const ownHost = canonicalHost(configured.host);
  return {
    resolve(fields, grants) {
      if (fields.password !== undefined && fields.username === undefined) {
        throw new FieldError("Missing required field: username");
      }
      if (fields.broker_host !== undefined && !isHost(fields.broker_host)) {
        throw new FieldError("Invalid field: broker_host: must be a host name or an address alone");
      }
      const host = fields.broker_host === undefined ? ownHost : canonicalHost(fields.broker_host);
      const isSameHost = host === ownHost;
      const port = fields.broker_port ?? (isSameHost ? configured.port : defaultPort);
      const isConfigured = isSameHost && port === configured.port;
      if (isConfigured && fields.username === undefined) return configured;
      grants.nameBroker(host, port);
      if (isConfigured) return { ...configured, username: fields.username, password: fields.password };
      if (!isHostAllowed(allowed, host, port)) {
        throw new ServiceError(403, `Broker not allowed: ${host}:${port}. Add it to MQTT_ALLOWED_BROKERS`, {
          code: "broker_not_allowed",
          isUnsent: true,
        });
      }
      const fault = hostFault(host);
      if (fault !== undefined) {
        throw new ServiceError(403, `Broker not allowed: ${host}:${port} ${fault}`, {
          code: "broker_not_allowed",
          isUnsent: true,
        });
      }
      return { host, port, username: fields.username, password: fields.password };
    },
  };
}
