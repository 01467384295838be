/**
 * Addresses at which devices may reach the gateway, for an owner who has not said which one it is.
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
import { localUrl, type ServerAddress } from "../../config/local_url.ts";
import type { NetworkAddress, Platform } from "../../platform.ts";
import { settledWithin } from "../../lib/async.ts";

/** An address of the gateway. */
export interface GatewayAddress {
  /** Such as `http://192.168.1.20:10000`, without a slash at its end. */
  readonly url: string;
  /** Its reach, in words that follow "works". */
  readonly range: string;
  /** True for an address that is reached from the internet. */
  readonly isPublic: boolean;
}

/** Part of the machine that knows the addresses. */
export type AddressSource = Pick<Platform, "run" | "networkInterfaces" | "files">;

/** Longest wait for Tailscale, in milliseconds: its program waits forever for a daemon that hangs. */
const TAILSCALE_MS = 2000;

const EVERYWHERE: readonly string[] = ["0.0.0.0", "::"];

/** Interfaces between the machine and its own containers and virtual machines. */
const BRIDGE = /^(br-|cali|cni|docker|flannel|lxc|lxd|podman|vboxnet|veth|virbr|vmnet)/;

/** Files that Docker and Podman put into each container. */
const CONTAINER_FILES: readonly string[] = ["/.dockerenv", "/run/.containerenv"];

/**
 * Finds the addresses of the gateway, the one that most devices reach first: Funnel's, those of the network, and if there
 * is none of these the one for this machine.
 */
export async function findAddresses(
  server: ServerAddress,
  machine: AddressSource,
): Promise<readonly [GatewayAddress, ...GatewayAddress[]]> {
  const way = await findTailscale(server.port, machine);
  const network = networkAddresses(server, machine.networkInterfaces());
  const [first, ...others] = [
    ...way?.isPublic ? [{ url: funnelUrl(way), range: "from everywhere", isPublic: true }] : [],
    ...network.filter(({ isTailnet }) => !isTailnet).map(({ url }) => ({ url, range: LAN, isPublic: false })),
    ...way?.isPublic === false ? [{ url: funnelUrl(way), range: TAILNET, isPublic: false }] : [],
    ...network.filter(({ isTailnet }) => isTailnet).map(({ url }) => ({ url, range: TAILNET, isPublic: false })),
  ];
  return first === undefined
    ? [{ url: localUrl(server), range: "on this machine only", isPublic: false }]
    : [first, ...others];
}

const LAN = "in this network only";
const TAILNET = "for devices of your tailnet only";

/** Tells whether the gateway runs in a container, which does not know the addresses of its machine. */
export async function isContainer({ files }: Pick<AddressSource, "files">): Promise<boolean> {
  const found = await Promise.all(CONTAINER_FILES.map((path) => files.stat(path).then(() => true, () => false)));
  return found.includes(true);
}

/** Addresses of the network that HOST lets in, IPv4 first. */
function networkAddresses(
  server: ServerAddress,
  interfaces: readonly NetworkAddress[],
): { readonly url: string; readonly isTailnet: boolean }[] {
  const { host } = server;
  if (isLoopback(host)) return [];
  const found = EVERYWHERE.includes(host)
    ? interfaces.filter((one) => isReachable(one) && (host === "::" || one.family === "IPv4"))
      .toSorted((one, other) => one.family.localeCompare(other.family))
    : [{ name: interfaces.find(({ address }) => address === host)?.name ?? "", address: host }];
  return found.map(({ name, address }) => ({
    url: localUrl({ ...server, host: address }),
    isTailnet: name.startsWith("tailscale"),
  }));
}

/** Link-local addresses need the name of an interface, which differs from device to device. */
function isReachable({ name, address }: NetworkAddress): boolean {
  const range = parseAddress(address)?.range();
  return range !== undefined && !["loopback", "linkLocal", "unspecified"].includes(range) && !BRIDGE.test(name);
}

/** Finds the way that Tailscale leads to the gateway's port; none where Tailscale is not installed or does not run. */
async function findTailscale(port: number, machine: Pick<AddressSource, "run">): Promise<FunnelRoute | undefined> {
  const deadline = new AbortController();
  let way: FunnelRoute | undefined;
  const asked = askTailscale(port, { machine, signal: deadline.signal }).then((found) => void (way = found));
  await settledWithin(asked, TAILSCALE_MS);
  deadline.abort();
  return way;
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
  const way = findFunnelRoute(funnel.stdout, port);
  // A port that is passed on as it is may have no name.
  return way !== undefined && URL.canParse(funnelUrl(way)) ? way : undefined;
}
