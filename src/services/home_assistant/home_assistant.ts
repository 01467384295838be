/**
 * Home Assistant: calls of services, states, history and pictures by its REST API, and streams of states by its WebSocket
 * API.
 *
 * @module
 */
import { openTrustedFetch, readSettingFile } from "../../config/setting_files.ts";
import { formatHostPattern } from "../../net/egress.ts";
import { hostOf } from "../../net/host.ts";
import { stopError } from "../limited_call.ts";
import type { ServiceModule } from "../service.ts";
import { createStateAlertSource } from "./alert_source.ts";
import { createHomeAssistantApi } from "./api.ts";
import { createHomeAssistantCheck } from "./health.ts";
import { HOME_ASSISTANT, HOME_ASSISTANT_RIGHTS } from "./rights.ts";
import { addressOf, CA_FILE, HOME_ASSISTANT_SETTINGS, NOT_CONFIGURED, remedyIfUnset } from "./settings.ts";
import { createHomeAssistantService } from "./service.ts";
import { createSubscribe } from "./subscribe.ts";

/** Home Assistant's web server closes a connection after 75 s of silence: it is closed before, in milliseconds. */
const POOL_IDLE_MS = 30_000;

/** The service. */
export const homeAssistant: ServiceModule<typeof HOME_ASSISTANT_SETTINGS> = {
  name: HOME_ASSISTANT,
  dependency: HOME_ASSISTANT,
  settings: HOME_ASSISTANT_SETTINGS,
  rights: HOME_ASSISTANT_RIGHTS,
  remedyIfUnset,
  doctor: async () => {
    const { HOME_ASSISTANT_CHECK, HOME_ASSISTANT_CLOCK_CHECK } = await import("./doctor.ts");
    return [HOME_ASSISTANT_CHECK, HOME_ASSISTANT_CLOCK_CHECK];
  },
  startText({ home_assistant: config }) {
    const address = addressOf(config);
    return address && { template: "for Home Assistant at {homeAssistant}", fields: { homeAssistant: address.place } };
  },
  allowNet({ home_assistant: { url } }) {
    if (url === undefined) return [];
    const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
    return [formatHostPattern({ host: hostOf(url), port })];
  },
  maxAnswerBytes: ({ home_assistant: config }) => addressOf(config) === undefined ? 0 : config.maxResponseBytes,
  checkFiles: ({ home_assistant: { caFile } }, platform) => [openTrustedFetch(CA_FILE, caFile, platform)],
  requestFault: (_payload, { home_assistant: config }) =>
    addressOf(config) === undefined ? { message: `cannot run: ${NOT_CONFIGURED}` } : undefined,
  async create(dependencies) {
    const { config, platform, now, monotonic, deadlines, checkTimeoutMs, resources } = dependencies;
    const { home_assistant: settings } = config;
    const address = addressOf(settings);
    if (address === undefined) {
      const subscribe = createSubscribe(undefined, dependencies);
      const alertSource = createStateAlertSource(undefined, dependencies);
      return { service: { ...createHomeAssistantService({ ask: undefined, now }), subscribe, alertSource } };
    }
    const client = platform.createHttpClient({ poolIdleTimeout: POOL_IDLE_MS });
    resources.defer(() => client.close());
    const fetch = await openTrustedFetch(CA_FILE, settings.caFile, {
      files: platform.files,
      fetch: (input, init) => platform.fetch(input, { ...init, client }),
    });
    const closing = new AbortController();
    resources.defer(() => closing.abort());
    const ask = createHomeAssistantApi({ address, limits: settings, fetch, deadlines, closeSignal: closing.signal });
    // Loaded only here: the WebSocket takes memory.
    const [{ openStateHub }, { privateTrust }] = await Promise.all([
      import("./open_hub.ts"),
      import("../../net/private_trust.ts"),
    ]);
    const pem = await readSettingFile(CA_FILE, settings.caFile, platform);
    const hub = openStateHub({ address, trust: pem === undefined ? undefined : privateTrust(pem) }, dependencies);
    return {
      service: {
        ...createHomeAssistantService({ ask, now }),
        subscribe: createSubscribe(hub, dependencies),
        alertSource: createStateAlertSource(hub, dependencies),
      },
      check: createHomeAssistantCheck({
        address,
        fetch,
        timeoutMs: Math.min(settings.timeoutMs, checkTimeoutMs),
        deadlines,
        monotonic,
      }),
      close() {
        hub.close(stopError());
        return Promise.resolve();
      },
    };
  },
};
