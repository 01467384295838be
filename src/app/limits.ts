/**
 * Groups of settings that their owners receive, from the flat configuration.
 *
 * @module
 */
import type { Config } from "../config/settings.ts";
import type { ReplayWindow } from "../gateway/admission.ts";
import type { RequestSettings } from "../gateway/limiters.ts";
import type { RateSettings } from "../limits/rate_limits.ts";
import type { StreamSettings } from "../streams/event_stream.ts";

/** Groups of settings. */
export interface SettingGroups {
  /** Limits of requests. */
  readonly requests: RequestSettings;
  /** Limits of streams. */
  readonly streams: StreamSettings;
  /** Rate limits. */
  readonly rates: RateSettings;
  /** Time window of requests. */
  readonly replay: ReplayWindow;
}

/** Returns the groups of a configuration. */
export function settingGroups(config: Config): SettingGroups {
  return {
    requests: {
      maxBodies: config.MAX_BODIES,
      max: config.MAX_REQUESTS,
      maxPerAddress: config.MAX_REQUESTS_PER_ADDRESS,
      maxPerKey: config.MAX_REQUESTS_PER_KEY,
      maxBodyBytes: config.MAX_BODY_BYTES,
      bodyTimeoutMs: config.BODY_TIMEOUT_MS,
    },
    streams: {
      max: config.MAX_STREAMS,
      maxPerKey: config.MAX_STREAMS_PER_KEY,
      queueBytes: config.LISTENER_QUEUE_BYTES,
      backlogBytes: config.BACKLOG_BYTES,
      maxEventBytes: config.MAX_EVENT_BYTES,
      stallTimeoutMs: config.LISTENER_PATIENCE_MS,
      keepaliveSeconds: config.STREAM_KEEPALIVE_SECONDS,
    },
    rates: {
      limits: config.RATE_LIMITS,
      addressRate: config.ADDRESS_RATE,
      addressBurst: config.ADDRESS_BURST,
      failedRate: config.FAILED_RATE,
      failedBurst: config.FAILED_BURST,
      keyRate: config.KEY_RATE,
      keyBurst: config.KEY_BURST,
    },
    replay: { maxAgeSeconds: config.MAX_AGE_SECONDS },
  };
}
