/**
 * InfluxDB: named queries and writes.
 *
 * @module
 */
import { formatHostPattern } from "../../net/egress.ts";
import { hostOf } from "../../net/host.ts";
import type { OptionChoice } from "../../protocol/admin_api.ts";
import { createReadSection, readSection } from "../section.ts";
import type { ServiceModule } from "../service.ts";
import { createInfluxCheck } from "./health.ts";
import { INFLUXDB_RIGHTS } from "./rights.ts";
import { INFLUXDB_SECTION, type InfluxEntry, type InfluxServer, serversOf } from "./section.ts";
import { createFetchOf, openServerFetch } from "./server_fetch.ts";
import { createInfluxService, INFLUXDB } from "./service.ts";
import { INFLUXDB_SETTINGS } from "./settings.ts";

/** The service. */
export const influxdb: ServiceModule<typeof INFLUXDB_SETTINGS> = {
  name: INFLUXDB,
  dependency: INFLUXDB,
  settings: INFLUXDB_SETTINGS,
  section: INFLUXDB_SECTION,
  rights: INFLUXDB_RIGHTS,
  doctor: async () => {
    const { INFLUXDB_CHECK } = await import("./doctor.ts");
    return [INFLUXDB_CHECK];
  },
  allowNet: (_config, sections) => [...new Set(serversOf(readSection(INFLUXDB_SECTION, sections)).map(targetOf))],
  allowRead: (_config, sections) =>
    serversOf(readSection(INFLUXDB_SECTION, sections)).flatMap(({ caFile }) => caFile ?? []),
  maxAnswerBytes: ({ influxdb: { maxResponseBytes } }) => maxResponseBytes,
  checkFiles: (_config, platform, sections) =>
    serversOf(readSection(INFLUXDB_SECTION, sections)).map((server) => openServerFetch(server, platform)),
  requestFault({ query }, _config, sections) {
    const { queries } = readSection(INFLUXDB_SECTION, sections);
    if (typeof query === "string" && queries.has(query)) return undefined;
    const names = [...queries.keys()].join(", ") || "none";
    return { field: "query", message: `must be a query of the section influxdb. There are: ${names}` };
  },
  choices(sections) {
    const { queries, writes } = readSection(INFLUXDB_SECTION, sections);
    return { query: toChoices(queries), "write-series": toChoices(writes) };
  },
  create({ config, sections, platform, deadlines, now, checkTimeoutMs, resources }) {
    const content = createReadSection(INFLUXDB_SECTION, sections);
    const fetchOf = createFetchOf(platform);
    const closing = new AbortController();
    resources.defer(() => closing.abort());
    return Promise.resolve({
      service: createInfluxService({
        settings: config.influxdb,
        content,
        fetchOf,
        deadlines,
        now,
        closeSignal: closing.signal,
      }),
      check: createInfluxCheck({ content, fetchOf, timeoutMs: checkTimeoutMs }),
    });
  },
};

function toChoices(entries: ReadonlyMap<string, InfluxEntry>): OptionChoice[] {
  return [...entries].map(([value, { label }]) => ({ value, ...label !== undefined && { label } }));
}

function targetOf({ url }: InfluxServer): string {
  return formatHostPattern({ host: hostOf(url), port: Number(url.port || (url.protocol === "https:" ? 443 : 80)) });
}
