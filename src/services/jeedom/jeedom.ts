/**
 * Jeedom: calls of its JSON-RPC API.
 *
 * @module
 */
import { openTrustedFetch } from "../../config/setting_files.ts";
import type { ServiceModule } from "../service.ts";
import { createJeedomCheck } from "./health.ts";
import { JEEDOM_RIGHTS } from "./rights.ts";
import { JEEDOM_SETTINGS, remedyIfUnset } from "./settings.ts";
import { addressOf, createJeedomService, JEEDOM } from "./service.ts";

/** Jeedom's web server closes a connection after 5 s of silence: it is closed before, in milliseconds. */
const POOL_IDLE_MS = 4000;

/** The service. */
export const jeedom: ServiceModule<typeof JEEDOM_SETTINGS> = {
  name: JEEDOM,
  dependency: "jeedom",
  settings: JEEDOM_SETTINGS,
  rights: JEEDOM_RIGHTS,
  doctor: async () => {
    const [{ CLOCK_CHECK }, { JEEDOM_CHECK }] = await Promise.all([import("./clock.ts"), import("./doctor.ts")]);
    return [CLOCK_CHECK, JEEDOM_CHECK];
  },
  remedyIfUnset,
  startText: ({ jeedom: { url } }) => ({ template: "for Jeedom at {jeedom}", fields: { jeedom: addressOf(url, "") } }),
  allowNet: ({ jeedom: { url: { hostname, port, protocol } } }) => [
    `${hostname}:${port || (protocol === "https:" ? "443" : "80")}`,
  ],
  maxAnswerBytes: ({ jeedom: { maxResponseBytes } }) => maxResponseBytes,
  checkFiles: (config, platform) => [openTrustedFetch("JEEDOM_CA_FILE", config.jeedom.caFile, platform)],
  async create({ config, platform, log, monotonic, deadlines, checkTimeoutMs, resources }) {
    const client = platform.createHttpClient({ poolIdleTimeout: POOL_IDLE_MS });
    resources.defer(() => client.close());
    const fetch = await openTrustedFetch("JEEDOM_CA_FILE", config.jeedom.caFile, {
      files: platform.files,
      fetch: (input, init) => platform.fetch(input, { ...init, client }),
    });
    const closing = new AbortController();
    resources.defer(() => closing.abort());
    const { url, timeoutMs } = config.jeedom;
    return {
      service: createJeedomService({
        settings: config.jeedom,
        fetch,
        log,
        monotonic,
        deadlines,
        closeSignal: closing.signal,
      }),
      check: createJeedomCheck({ url, fetch, timeoutMs: Math.min(timeoutMs, checkTimeoutMs) }),
    };
  },
};
