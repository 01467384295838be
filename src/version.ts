/**
 * Version of the gateway from `deno.json`, its only source.
 *
 * @module
 */
import project from "../deno.json" with { type: "json" };

/** Version of the gateway, such as `1.0.0`. */
export const VERSION: string = project.version;
