/**
 * Input of the checks: the settings, the machine, and results that several checks share.
 *
 * @module
 */
import { once } from "../lib/once.ts";
import type { ServerAddress } from "../net/host.ts";
import type { Config } from "../config/settings.ts";
import type { BrokerAddress, ConnectBroker } from "../mqtt/broker.ts";
import type { Platform } from "../platform.ts";
import type { RandomBytes } from "../protocol/bytes.ts";
import type { Sections } from "../services/section.ts";
import type { ServiceModule } from "../services/service.ts";
import { type GatewayProbe, probeGateway } from "./gateway_probe.ts";
import { findGatewayState, type GatewayState } from "./gateway_state.ts";
import { findKeys, type FoundKeys } from "./key_files.ts";

/** Part of the platform that the checks use; they change no file. */
export type Machine = Pick<
  Platform,
  "createHttpClient" | "denoVersion" | "fetch" | "files" | "freeBytes" | "listen" | "lookup" | "run"
>;

/** Dependencies of the checks. */
export interface DoctorOptions {
  /** Settings. */
  readonly config: Config;
  /** Returns whether the environment or `.env` sets a setting; otherwise its value is the default. */
  readonly isSet: (name: string) => boolean;
  /** Services of the gateway. */
  readonly services: readonly ServiceModule[];
  /** Sections of the services file; none where it has a fault. */
  readonly sections: Sections;
  /** Everything that is wrong with the services file. */
  readonly servicesFileProblems: readonly string[];
  /** Version of this program, such as `1.0.0`. */
  readonly version: string;
  /** Returns the URL of a listener for programs on this machine, without a slash at its end. */
  readonly localUrl: (server: ServerAddress) => string;
  /** Machine. */
  readonly machine: Machine;
  /**
   * Reads the address of the default broker, and its certificates from their files.
   *
   * @throws {Error} if a file cannot be used, with the name of its setting
   */
  readonly brokerAddress: () => Promise<BrokerAddress>;
  /** Opens connections to brokers. */
  readonly connectBroker: ConnectBroker;
  /** Returns the wall clock's time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Makes random bytes, for salts. */
  readonly randomBytes: RandomBytes;
}

/** Dependencies, and shared results: each is found once in a round, within the time limit of the first check to ask. */
export interface DoctorContext extends DoctorOptions {
  /** Reads the keys in the files. */
  keys(): Promise<FoundKeys>;
  /** Finds out which program holds the gateway's port. */
  gateway(signal: AbortSignal): Promise<GatewayState>;
  /** Sends the gateway on this machine a sealed request; undefined without a key or a gateway. */
  probe(signal: AbortSignal): Promise<GatewayProbe | undefined>;
}

/** Makes the context of one round. */
export function createContext(options: DoctorOptions): DoctorContext {
  const context: DoctorContext = {
    ...options,
    keys: once(() => findKeys(context)),
    gateway: once((signal) => findGatewayState(context, signal)),
    probe: once((signal) => probeGateway(context, signal)),
  };
  return context;
}
