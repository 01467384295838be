/**
 * The settings table: every setting of the gateway with its name, rule, default and texts. `.env.example` and the tables
 * of the docs are generated from it.
 *
 * @module
 */
import { FIRST_GROUPS, healthGroup, LAST_GROUPS } from "./gateway_settings.ts";
import { SERVICES } from "../services/registry.ts";
import { RedisUrl } from "../net/redis_url.ts";
import type { ServiceModule } from "../services/service.ts";
import type { GroupConfig, Setting, SettingsGroup } from "./rules.ts";

/** Part of a service that the settings table is made of. */
export type ConfigurableService = Pick<ServiceModule, "name" | "dependency" | "settings">;

/** Groups of settings, by the names of their fields in the configuration. */
export type SettingsTable = Readonly<Record<string, SettingsGroup>>;

/** Returns the table of the gateway's own settings and those of services. */
export function settingsTable(services: readonly ConfigurableService[]): SettingsTable {
  const groups = Object.fromEntries(services.map(({ name, settings }) => [name, settings]));
  return { ...FIRST_GROUPS, ...groups, ...LAST_GROUPS, health: healthGroup(services) };
}

/** Groups of the services. */
export type ServiceGroups = {
  readonly [Service in (typeof SERVICES)[number] as Service["settings"]["name"]]: Service["settings"];
};

/** Groups of the gateway and its services. */
export type GatewaySettings = typeof FIRST_GROUPS & ServiceGroups & typeof LAST_GROUPS;

/** The settings table, with the services of the registry. */
export const SETTINGS = settingsTable(SERVICES) as GatewaySettings;

/** Valid values of all settings, in groups. */
export type Config = { readonly [Group in keyof GatewaySettings]: GroupConfig<GatewaySettings[Group]> };

/** Returns all settings in the table's order. */
export function settingsOf(table: SettingsTable): Setting[] {
  return Object.values(table).flatMap(({ settings }) => Object.values(settings));
}

/** Returns all settings of a table with their values in a configuration, which may lack groups. */
export function settingsWithValues(
  config: Partial<Config>,
  table: SettingsTable = SETTINGS,
): { readonly setting: Setting; readonly value: unknown }[] {
  const values: Readonly<Record<string, Readonly<Record<string, unknown>>>> = config;
  return Object.entries(table).flatMap(([group, { settings }]) =>
    Object.entries(settings).map(([field, setting]) => ({ setting, value: values[group]?.[field] }))
  );
}

/** Lists the values of all secret settings; of an address also its password, encoded and decoded. */
export function secretsOf(config: Partial<Config>): string[] {
  return settingsWithValues(config).filter(({ setting }) => setting.secret).flatMap(({ value }) =>
    value instanceof RedisUrl ? value.secrets : [String(value ?? "")]
  );
}

/** Names of all settings, in the table's order. */
export const SETTING_NAMES: readonly string[] = settingsOf(SETTINGS).map(({ name }) => name);

/** Returns the names of the variables that settings are read from: their names, and the former ones. */
export function variableNames(table: SettingsTable): string[] {
  return settingsOf(table).flatMap(({ name, formerName }) => formerName === undefined ? [name] : [name, formerName]);
}

/** Variables of the client commands, which come from the same sources. */
export const CLIENT_VARIABLES: readonly string[] = ["GATEWAY_KEY", "GATEWAY_URL", "JEEDOM_CALL_APIKEY"];
