/**
 * Settings of InfluxDB.
 *
 * @module
 */
import { type GroupConfig, type ServiceSettings, setting, wholeNumber } from "../../config/rules.ts";

/** Settings of InfluxDB. */
export const INFLUXDB_SETTINGS = {
  name: "influxdb",
  title: "InfluxDB",
  intro: "Servers, queries and writes are in the section `influxdb` of the services file.",
  settings: {
    timeoutMs: setting("INFLUXDB_TIMEOUT_MS", {
      rule: wholeNumber(1, 300_000),
      default: 15_000,
      reason: "As long as a person waits for a chart.",
      doc: "Longest wait for a whole answer of InfluxDB, in milliseconds, unless the query or write has its own.",
    }),
    maxResponseBytes: setting("INFLUXDB_MAX_RESPONSE_BYTES", {
      rule: wholeNumber(1, 2 ** 28),
      default: 2 * 2 ** 20,
      reason: "A value each minute for a month takes 1.3 MB.",
      doc: "Largest answer of InfluxDB to read, in bytes, after decompression. A query can have a lower limit.",
    }),
    maxCalls: setting("INFLUXDB_MAX_CALLS", {
      rule: wholeNumber(1, 10_000),
      default: 16,
      reason: "A Raspberry Pi computes a few queries at a time; more of them only make each slower.",
      doc: "Maximum number of queries and writes that run at a time.",
    }),
    maxCallsPerKey: setting("INFLUXDB_MAX_CALLS_PER_KEY", {
      rule: wholeNumber(1, 10_000),
      default: 6,
      reason: "A page with six charts, as many requests as a browser sends at a time.",
      doc: "Maximum number of queries and writes of one key that run at a time.",
    }),
  },
} as const satisfies ServiceSettings;

/** Values of the settings of InfluxDB. */
export type InfluxConfig = GroupConfig<typeof INFLUXDB_SETTINGS>;
