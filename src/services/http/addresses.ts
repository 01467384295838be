/**
 * Addresses that requests may reach.
 *
 * @module
 */
import { abortable } from "../../lib/async.ts";
import { errorName } from "../../lib/errors.ts";
import { addressFault } from "../../net/egress.ts";
import { canonicalHost, hostOf, isUnspecified } from "../../net/host.ts";
import { isLoopback, parseAddress } from "../../net/ip_address.ts";
import type { Platform } from "../../platform.ts";
import { ServiceError } from "../service.ts";
import type { Destination } from "./destination.ts";
import { portOf } from "./url_pattern.ts";

/** Port on which the gateway itself listens. */
export interface OwnPort {
  /** Host that it listens on. */
  readonly host: string;
  /** Port. */
  readonly port: number;
}

/** Reason to refuse a port of the gateway. */
const OWN_PORT = "may be the gateway itself, by its port: use a target with the address";

/** Collaborators of the check. */
export interface AddressCheckOptions {
  /** Ports on which the gateway itself listens. */
  readonly ownPorts: readonly OwnPort[];
  /** Resolves names, and lists the addresses of this machine. */
  readonly platform: Pick<Platform, "lookup" | "networkInterfaces">;
}

/**
 * Returns the address to connect to for a destination; undefined to connect by name.
 *
 * @throws {ServiceError} if the destination leads to an address that requests may not reach, or to none
 */
export type CheckAddress = (destination: Destination, signal: AbortSignal) => Promise<string | undefined>;

/**
 * Makes the check of addresses. A URL without a target must not lead to this machine, or to an address without a login
 * such as that of cloud metadata. Its name is resolved once: the connection is to the checked address, so that a second
 * answer of the name server changes nothing. With HTTPS the connection is by name, as the certificate names the server:
 * no other server than the named one can have it.
 *
 * The name of a target is the operator's choice; the sandbox refuses metadata addresses for it. It is resolved only where
 * its port is one of the gateway's own.
 */
export function createCheckAddress({ ownPorts, platform }: AddressCheckOptions): CheckAddress {
  return async ({ url, target, isLoopbackNamed, isPortNamed }, signal) => {
    const host = canonicalHost(hostOf(url));
    const port = portOf(url);
    const fails = (fault: string): never => {
      throw new ServiceError(403, `Address not allowed: ${url.host} ${fault}`, { code: "scope", isUnsent: true });
    };
    const mayBeOwn = ownPorts.some((own) => own.port === port);
    if (isLoopbackNamed && isLoopback(host)) {
      // With PORT=0, the system chooses the port.
      if (!isPortNamed && (mayBeOwn || ownPorts.some((own) => own.port === 0))) fails(OWN_PORT);
      return undefined;
    }
    if (parseAddress(host) !== undefined) {
      const fault = faultOf(host, port, target !== undefined);
      if (fault !== undefined) fails(fault);
      return undefined;
    }
    if (target !== undefined && !mayBeOwn) return undefined;
    const addresses = await resolve(host, signal);
    for (const address of addresses) {
      const fault = faultOf(address, port, false);
      if (fault !== undefined) fails(`leads to an address that ${fault}`);
    }
    // Most networks at home have a name server with addresses of IPv6, and fewer have a route for them.
    const [first] = addresses.toSorted((one, other) => Number(one.includes(":")) - Number(other.includes(":")));
    return url.protocol === "http:" ? first : undefined;
  };

  function faultOf(address: string, port: number, isNamed: boolean): string | undefined {
    const fault = addressFault(address);
    if (fault !== undefined || isNamed) return fault;
    if (isLoopback(address)) return "is a loopback address";
    const isOwn = ownPorts.some((own) => own.port === port && isOwnAddress(address, own.host));
    return isOwn ? OWN_PORT : undefined;
  }

  function isOwnAddress(address: string, listensOn: string): boolean {
    const canonical = canonicalHost(address);
    if (!isUnspecified(listensOn)) return canonical === canonicalHost(listensOn);
    const interfaces = platform.networkInterfaces();
    // The sandbox hides them, so any address may be one of this machine.
    return interfaces.length === 0 || interfaces.some((own) => canonicalHost(own.address) === canonical);
  }

  async function resolve(host: string, signal: AbortSignal): Promise<readonly string[]> {
    const failed = (cause?: unknown) =>
      new ServiceError(502, `${host} is not found: there is no such name`, {
        code: "service_unreachable",
        cause,
        isUnsent: true,
      });
    try {
      const addresses = await abortable(platform.lookup(host), signal);
      if (addresses.length > 0) return addresses;
    } catch (error) {
      signal.throwIfAborted();
      throw errorName(error) === "NotCapable" ? error : failed(error);
    }
    throw failed();
  }
}
