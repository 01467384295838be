/**
 * Check of the InfluxDB servers for the doctor: each answers, accepts the login, and has the database.
 *
 * @module
 */
import { type Check, combineFindings, failed, type Finding, ok, skipped } from "../../doctor/check.ts";
import type { DoctorContext } from "../../doctor/context.ts";
import type { FailureReason } from "../../lib/fetch_failure.ts";
import { ask, type HttpReply, isPlainHttpRefusal } from "../../lib/http_probe.ts";
import { hostOf, mdnsHint } from "../../net/host.ts";
import { readSection } from "../section.ts";
import { apiOf, loginOf } from "./api.ts";
import { urlOf } from "./exchange.ts";
import { distinctServers } from "./health.ts";
import { errorMessageOf } from "./influx_error.ts";
import { endpointOf, INFLUXDB_SECTION, type InfluxServer } from "./section.ts";
import { openServerFetch } from "./server_fetch.ts";

const PLACE = "in the section influxdb of the services file";

const REMEDIES: Partial<Readonly<Record<FailureReason, string>>> = {
  name: `Fix the name in url ${PLACE}, or use InfluxDB's IP address there`,
  refused: `Start InfluxDB, or fix the port in url ${PLACE}: it is 8086 by default, and 8181 for version 3`,
  certificate: `Set caFile ${PLACE} to InfluxDB's certificate, or to its authority's`,
  tls: `Use http:// instead of https:// in url ${PLACE}, if InfluxDB has no certificate`,
};

const UNREACHABLE = `Check that InfluxDB runs, and that url ${PLACE} is its address`;

/** Check of InfluxDB. */
export const INFLUXDB_CHECK: Check = {
  name: "influxdb",
  async run(context, signal) {
    const servers = distinctServers(readSection(INFLUXDB_SECTION, context.sections), true);
    if (servers.length === 0) return skipped("Not used: the services file has no section influxdb");
    return combineFindings(await Promise.all(servers.map((server) => checkServer(server, context, signal))));
  },
};

async function checkServer(
  server: InfluxServer,
  { machine, now }: DoctorContext,
  signal: AbortSignal,
): Promise<Finding> {
  const place = `InfluxDB ${server.version} at ${endpointOf(server, "")}`;
  const fetch = await openServerFetch(server, machine).catch(() => undefined);
  if (fetch === undefined) {
    return failed(`${place} is not asked: caFile cannot be read, or holds no certificate`, `Fix caFile ${PLACE}`);
  }
  const probe = apiOf(server).probe(server);
  const headers = { ...probe.headers, ...loginOf(server) };
  const reply = await ask(urlOf(server, probe), { fetch, now, signal, headers });
  if (reply.kind === "reply") return reportReply(reply, server, place);
  const hint = reply.reason === "name" ? mdnsHint(hostOf(server.url)) : "";
  return failed(`${place} ${reply.message}${hint}`, REMEDIES[reply.reason] ?? UNREACHABLE);
}

function reportReply(reply: HttpReply, server: InfluxServer, place: string): Finding {
  const { status, text } = reply;
  const said = `${place} answers HTTP ${status}`;
  if (isPlainHttpRefusal(reply)) {
    return failed(`${said}: that port speaks HTTPS`, `Use https:// instead of http:// in url ${PLACE}`);
  }
  if (status === 401 || status === 403) {
    const login = server.version === 1 ? "username and password" : "token";
    return failed(`${said}: it refuses the login`, `Fix ${login} ${PLACE}`);
  }
  const where = server.version === 2 ? `org ${server.org}` : `database ${server.database}`;
  if (status === 200) {
    // InfluxDB 1 reports errors of a statement within this status.
    const isMissing = server.version === 1 && /"error"\s*:\s*"database not found/.test(text);
    return isMissing
      ? failed(`${place} has no ${where}`, `Fix database ${PLACE}`)
      : ok(`${place} answers, and accepts the login`);
  }
  if (status === 404 && /not found/i.test(errorMessageOf(text))) {
    return failed(
      `${said}: it has no ${where}, or is no InfluxDB ${server.version}`,
      `Fix ${where.split(" ")[0]} or version ${PLACE}`,
    );
  }
  if (status >= 300 && status < 400) {
    return failed(`${said}: it redirects to another address`, `Set url ${PLACE} to the final address`);
  }
  return failed(said, `Check that url and version ${PLACE} are those of InfluxDB, and see its log`);
}
