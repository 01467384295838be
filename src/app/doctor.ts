/**
 * A round of the doctor's checks: with the settings and the machine as they are now.
 *
 * @module
 */
import { withoutVariables } from "../config/configuration.ts";
import { describeFormerName } from "../config/former_names.ts";
import { readSettings, type Settings } from "../config/load.ts";
import { ConfigError } from "../config/parse.ts";
import type { Config } from "../config/settings.ts";
import { describeWithoutEffect } from "../config/without_effect.ts";
import { skipped } from "../doctor/check.ts";
import { checksWith } from "../doctor/checks.ts";
import { reportConfiguration, reportDenoVersion, type SettingsFound } from "../doctor/checks/setup.ts";
import { createContext } from "../doctor/context.ts";
import type { Report } from "../doctor/report.ts";
import { runChecks } from "../doctor/run_checks.ts";
import { findServicesFile, type FoundServicesFile } from "../doctor/services_file.ts";
import type { BrokerAddress, ConnectBroker } from "../mqtt/broker.ts";
import { addressFault } from "../net/egress.ts";
import { localUrl } from "../net/host.ts";
import type { Platform } from "../platform.ts";
import { randomBytes } from "../protocol/bytes.ts";
import type { ServiceModule } from "../services/service.ts";
import { VERSION } from "../version.ts";
import { openDefaultBroker } from "./default_broker.ts";

/** The settings, unless they are invalid, their problems, and the services file. */
export interface SettingsRead extends SettingsFound {
  /** The settings; absent if they are invalid. */
  readonly settings?: Settings & FoundServicesFile;
}

/**
 * Runs all checks once. The settings are read again, as they may have changed. In the sandbox of a gateway, checks that it
 * does not allow are skipped.
 */
export async function runDoctor(
  platform: Platform,
  services: readonly ServiceModule[],
  signal: AbortSignal,
): Promise<Report> {
  const checks = await checksWith(services);
  const { settings, ...found } = await tryReadSettings(platform, services);
  const results = settings === undefined
    ? checks.map(({ name }) => ({ name, ...skipped("Needs a valid configuration") }))
    : await runChecks(checks, contextOf(settings, platform, services), { signal });
  const first = [reportConfiguration(found), reportDenoVersion(platform.denoVersion)];
  return { version: VERSION, at: Date.now(), results: [...first, ...results] };
}

/** Reads the settings; without them and with their problems if they are invalid. */
export async function tryReadSettings(
  platform: Platform,
  services: readonly ServiceModule[],
): Promise<SettingsRead> {
  try {
    const settings = await readSettings(platform, services);
    const found = await findServicesFile(settings.config, platform, services);
    const { unreadLines, formerNames } = settings;
    const unknown = withoutVariables(settings.unknown, found.variables);
    return {
      settings: { ...settings, ...found },
      problems: [],
      warnings: [...formerNames.map(describeFormerName), ...describeWithoutEffect({ unknown, unreadLines })],
    };
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems, warnings: describeWithoutEffect(error) };
    throw error;
  }
}

function contextOf(
  { config, sources: { environment, file }, sections, servicesFileProblems }: Settings & FoundServicesFile,
  platform: Platform,
  services: readonly ServiceModule[],
) {
  return createContext({
    config,
    isSet: (name) => Boolean(environment[name] || file[name]),
    services,
    sections,
    servicesFileProblems,
    version: VERSION,
    localUrl,
    machine: platform,
    brokerAddress: () => brokerAddress(config, platform),
    connectBroker: connectTo(config),
    now: () => Date.now(),
    randomBytes,
  });
}

/** Returns the function that connects to brokers. */
export function connectTo({ mqtt: { keepaliveSeconds } }: Config): ConnectBroker {
  return async (address, options) => {
    // Loaded only here: MQTT.js reads the environment as it loads, and --help needs no permission.
    const { createConnectBroker } = await import("../mqtt/connect.ts");
    return await createConnectBroker({ keepaliveSeconds, addressFault })(address, options);
  };
}

/** Returns the address of the configured broker. Must not be called without one, as it would start the embedded broker. */
export async function brokerAddress(config: Config, platform: Platform): Promise<BrokerAddress> {
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  return (await openDefaultBroker(config, platform, silent)).address;
}
