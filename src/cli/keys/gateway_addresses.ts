/**
 * Finds the addresses at which devices may reach the gateway, when PUBLIC_URL is not set.
 *
 * @module
 */
import {
  findFunnelRoute,
  FUNNEL_STATUS,
  type FunnelRoute,
  funnelUrl,
  parseTailscaleStatus,
  runTailscale,
  TAILSCALE_STATUS,
} from "../../doctor/tailscale.ts";
import { isLoopback, parseAddress } from "../../net/ip_address.ts";
import { isUnspecified, localUrl, type ServerAddress } from "../../net/host.ts";
import type { NetworkAddress, Platform } from "../../platform.ts";
import { settledWithin } from "../../lib/async.ts";

/** Address of the gateway. */
export interface GatewayAddress {
  /** URL without a trailing slash, such as `http://192.168.1.20:10000`. */
  readonly url: string;
  /** Its reach, as text that follows "works". */
  readonly range: string;
  /** True if it is reachable from the internet. */
  readonly isPublic: boolean;
}

/** Part of the machine that the addresses are read from. */
export type AddressSource = Pick<Platform, "run" | "networkInterfaces" | "files">;

/** Longest wait for Tailscale, in milliseconds: its command waits forever for a daemon that hangs. */
const TAILSCALE_MS = 2000;

/** Network interfaces to containers and virtual machines of this machine. */
const BRIDGE = /^(br-|cali|cni|docker|flannel|lxc|lxd|podman|vboxnet|veth|virbr|vmnet)/;

/** Files that Docker and Podman create in each container. */
const CONTAINER_FILES: readonly string[] = ["/.dockerenv", "/run/.containerenv"];

/**
 * Finds the addresses of the gateway, the one that most devices reach first: that of Funnel, those of the network, and
 * without any of these the one for this machine.
 */
export async function findAddresses(
  server: ServerAddress,
  machine: AddressSource,
): Promise<readonly [GatewayAddress, ...GatewayAddress[]]> {
  const route = await findTailscale(server.port, machine);
  const network = networkAddresses(server, machine.networkInterfaces());
  const [first, ...others] = [
    ...route?.isPublic ? [{ url: funnelUrl(route), range: "from everywhere", isPublic: true }] : [],
    ...network.filter(({ isTailnet }) => !isTailnet).map(({ url }) => ({ url, range: LAN, isPublic: false })),
    ...route?.isPublic === false ? [{ url: funnelUrl(route), range: TAILNET, isPublic: false }] : [],
    ...network.filter(({ isTailnet }) => isTailnet).map(({ url }) => ({ url, range: TAILNET, isPublic: false })),
  ];
  return first === undefined
    ? [{ url: localUrl(server), range: "on this machine only", isPublic: false }]
    : [first, ...others];
}

const LAN = "in this network only";
const TAILNET = "for devices of your tailnet only";

/** Returns whether the gateway runs in a container, where the addresses of the machine are unknown. */
export async function isContainer({ files }: Pick<AddressSource, "files">): Promise<boolean> {
  const found = await Promise.all(CONTAINER_FILES.map((path) => files.stat(path).then(() => true, () => false)));
  return found.includes(true);
}

/** Returns the addresses of the network on which the gateway listens, IPv4 first. */
function networkAddresses(
  server: ServerAddress,
  interfaces: readonly NetworkAddress[],
): { readonly url: string; readonly isTailnet: boolean }[] {
  const { host } = server;
  if (isLoopback(host)) return [];
  const found = isUnspecified(host)
    ? interfaces.filter((one) => isReachable(one) && (host === "::" || one.family === "IPv4"))
      .toSorted((one, other) => one.family.localeCompare(other.family))
    : [{ name: interfaces.find(({ address }) => address === host)?.name ?? "", address: host }];
  return found.map(({ name, address }) => ({
    url: localUrl({ ...server, host: address }),
    isTailnet: name.startsWith("tailscale"),
  }));
}

/** Returns whether other devices may reach an address; link-local ones need the name of an interface of the device. */
function isReachable({ name, address }: NetworkAddress): boolean {
  const range = parseAddress(address)?.range();
  return range !== undefined && !["loopback", "linkLocal", "unspecified"].includes(range) && !BRIDGE.test(name);
}

/** Finds the route of Tailscale to the gateway's port; undefined where Tailscale is not installed or does not run. */
async function findTailscale(port: number, machine: Pick<AddressSource, "run">): Promise<FunnelRoute | undefined> {
  const deadline = new AbortController();
  let route: FunnelRoute | undefined;
  const asked = askTailscale(port, { machine, signal: deadline.signal }).then((found) => void (route = found));
  await settledWithin(asked, TAILSCALE_MS);
  deadline.abort();
  return route;
}

async function askTailscale(
  port: number,
  { machine, signal }: { readonly machine: Pick<AddressSource, "run">; readonly signal: AbortSignal },
): Promise<FunnelRoute | undefined> {
  const [status, funnel] = await Promise.all([
    runTailscale(machine, { args: TAILSCALE_STATUS, signal }),
    runTailscale(machine, { args: FUNNEL_STATUS, signal }),
  ]);
  if (typeof status === "string" || typeof funnel === "string") return undefined;
  if (parseTailscaleStatus(status.stdout)?.state !== "Running") return undefined;
  const route = findFunnelRoute(funnel.stdout, port);
  // A forwarded TCP port may have no host name.
  return route !== undefined && URL.canParse(funnelUrl(route)) ? route : undefined;
}
