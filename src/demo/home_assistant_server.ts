/**
 * What the REST and the WebSocket API of a simulated Home Assistant share.
 *
 * @module
 */
import type { HomeAssistantHome, ServiceCall } from "./home_assistant_home.ts";

/** State behind both APIs. */
export interface HomeAssistantServer {
  /** Home that it controls. */
  readonly home: HomeAssistantHome;
  /** Version, such as `2025.12.3`. */
  readonly version: string;
  /** Id of the user that the token belongs to. */
  readonly userId: string;
  /** Returns the wall clock's time, in milliseconds since 1970. */
  now(): number;
  /** Returns whether a token is accepted now. */
  isToken(token: unknown): boolean;
  /** Keeps a received call of a service. */
  record(call: ServiceCall): void;
}

/** Makes the answer of `GET /api/config` and `get_config`. */
export function configOf({ version }: HomeAssistantServer): Readonly<Record<string, unknown>> {
  return {
    "allowlist_external_dirs": [],
    "allowlist_external_urls": [],
    components: ["api", "camera", "cover", "history", "light", "lock", "script", "sensor", "weather", "websocket_api"],
    "config_dir": "/config",
    "config_source": "storage",
    country: "DE",
    currency: "EUR",
    debug: false,
    elevation: 0,
    "external_url": null,
    "internal_url": null,
    language: "en",
    latitude: 52.3731339,
    longitude: 4.8903147,
    "location_name": "Home",
    radius: 100,
    "recovery_mode": false,
    "safe_mode": false,
    state: "RUNNING",
    "time_zone": "UTC",
    "unit_system": { length: "km", mass: "g", temperature: "°C", volume: "L" },
    version,
  };
}
