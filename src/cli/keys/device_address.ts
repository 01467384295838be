/**
 * Address of the gateway for a device: the one given or configured, or the best guess.
 *
 * @module
 */
import { UsageError } from "../args.ts";
import { findAddresses, isContainer } from "./gateway_addresses.ts";
import type { KeysSession } from "./session.ts";

/** Maximum number of other addresses to suggest. */
const MAX_OTHERS = 4;

/** Options of a code that concern its address. */
export interface AddressValues {
  /** Address of the gateway for the device. */
  readonly url?: string | undefined;
  /** True if only a line is printed. */
  readonly "no-qr": boolean;
}

/** Settings and machine, and the way to choose another address. */
export interface AddressContext {
  /** Session of the subcommand. */
  readonly session: Pick<KeysSession, "config" | "machine">;
  /** Returns the words by which the operator chooses another address. */
  readonly again: (url: string) => string;
}

/** Address for the device, and a warning if it is a guess. */
export interface DeviceAddress {
  /** Address of the gateway. */
  readonly url: string;
  /** Lines for the operator. */
  readonly warning?: string;
}

/**
 * Chooses the address of the gateway for a device.
 *
 * @throws {UsageError} if the gateway has no address that lasts
 */
export async function addressFor(
  { url: given, "no-qr": noQr }: AddressValues,
  { session: { config, machine }, again }: AddressContext,
): Promise<DeviceAddress> {
  const url = given ?? config.server.publicUrl?.href;
  if (url !== undefined) return { url };
  if (config.server.port === 0) {
    throw new UsageError(
      "With PORT=0 the gateway has another port after each start: set PORT or PUBLIC_URL, or give --url",
    );
  }
  const [found, ...others] = await findAddresses(config.server, machine);
  const lines = [
    `PUBLIC_URL is not set, so this ${noQr ? "line" : "code"} is for ${found.url}, which works ${found.range}. ` +
    (found.isPublic
      ? `To keep it, set PUBLIC_URL=${found.url} in .env`
      : "Set PUBLIC_URL in .env to the address that devices reach, or give it with --url"),
    ...!found.isPublic && await isContainer(machine)
      ? ["In a container this is the container's own address, which devices seldom reach: set PUBLIC_URL"]
      : [],
    ...config.server.tlsCertFile !== undefined && !found.isPublic
      ? ["Devices refuse an address that is not in the certificate of TLS_CERT_FILE"]
      : [],
    ...others.length > 0 ? ["Other addresses of this gateway:"] : [],
    ...others.slice(0, MAX_OTHERS).map((other) => `  ${again(other.url)}   works ${other.range}`),
  ];
  return { url: found.url, warning: lines.join("\n") };
}
