/**
 * All that the checks of one round look at.
 *
 * @module
 */
import type { ServerAddress } from "../config/local_url.ts";
import type { Config } from "../config/settings.ts";
import type { BrokerAddress, ConnectBroker } from "../mqtt/broker.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import { askJeedom, type JeedomState } from "./jeedom_state.ts";
import { findKeys, type FoundKeys } from "./found_keys.ts";
import { findGatewayState, type GatewayState } from "./gateway_state.ts";
import { type GatewayProbe, probeGateway } from "./gateway_probe.ts";
import type { Machine } from "./machine.ts";

/** What is given to the doctor. */
export interface DoctorOptions {
  /** The settings. */
  readonly config: Config;
  /** Tells whether the environment or `.env` sets a setting; otherwise its value is the default. */
  readonly isSet: (name: string) => boolean;
  /** The gateway's own version, such as `1.0.0`. */
  readonly version: string;
  /** Tells where something that listens is for programs on this machine, without a slash at its end. */
  readonly localUrl: (server: ServerAddress) => string;
  /** The machine. */
  readonly machine: Machine;
  /**
   * Reads the address of the default broker, and its certificates from their files.
   *
   * @throws {Error} if a file cannot be used, with the name of its setting
   */
  readonly brokerAddress: () => Promise<BrokerAddress>;
  /**
   * Reads which certificates Jeedom may have, and tells how to send it HTTP requests.
   *
   * @throws the error of a file that cannot be read, or that holds no certificate
   */
  readonly jeedomFetch: () => Promise<typeof fetch>;
  /** Opens connections to brokers. */
  readonly connectBroker: ConnectBroker;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Where salts come from. */
  readonly random: RandomBytes;
}

/** The surroundings, and what several checks want to know: it is looked at once, with the first one's deadline. */
export interface DoctorContext extends DoctorOptions {
  /** The keys in the files. */
  keys(): Promise<FoundKeys>;
  /** Who is on the gateway's port. */
  gateway(signal: AbortSignal): Promise<GatewayState>;
  /** What the gateway on this machine makes of a sealed request; undefined without a key or a gateway. */
  probe(signal: AbortSignal): Promise<GatewayProbe | undefined>;
  /** What Jeedom answers. */
  jeedom(signal: AbortSignal): Promise<JeedomState>;
}

/** Makes the house of one round. */
export function createContext(surroundings: DoctorOptions): DoctorContext {
  const house: DoctorContext = {
    ...surroundings,
    keys: once(() => findKeys(house)),
    gateway: once((signal) => findGatewayState(house, signal)),
    probe: once((signal) => probeGateway(house, signal)),
    jeedom: once((signal) => askJeedom(house, signal)),
  };
  return house;
}

function once<Given extends readonly unknown[], T>(
  look: (...given: Given) => Promise<T>,
): (...given: Given) => Promise<T> {
  let found: Promise<T> | undefined;
  return (...given) => found ??= look(...given);
}
