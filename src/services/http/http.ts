/**
 * HTTP: requests to targets of the services file, and to URLs that are allowed.
 *
 * @module
 */
import type { Config } from "../../config/settings.ts";
import { formatHostPattern } from "../../net/egress.ts";
import { canonicalHost, hostOf } from "../../net/host.ts";
import { parseAddress } from "../../net/ip_address.ts";
import { createReadSection, readSection, type Sections } from "../section.ts";
import type { ServiceModule } from "../service.ts";
import { createCheckAddress, type OwnPort } from "./addresses.ts";
import { DestinationDirectory } from "./destination.ts";
import { HTTP_RIGHTS } from "./rights.ts";
import { HTTP_SECTION, type HttpTarget } from "./section.ts";
import { createHttpService, HTTP } from "./service.ts";
import { HTTP_SETTINGS } from "./settings.ts";
import { storedRequestFault } from "./stored_request.ts";
import { checkCertificates, Transports } from "./transport.ts";
import { isNumeric, portOf } from "./url_pattern.ts";

/** The service. */
export const http: ServiceModule<typeof HTTP_SETTINGS> = {
  name: HTTP,
  settings: HTTP_SETTINGS,
  section: HTTP_SECTION,
  rights: HTTP_RIGHTS,
  doctor: async () => {
    const { HTTP_CHECK } = await import("./doctor.ts");
    return [HTTP_CHECK];
  },
  allowNet,
  allowRead: (_config, sections) =>
    targetsOf(sections).flatMap(([, { caFile, certFile, keyFile }]) =>
      [caFile, certFile, keyFile].filter((file) => file !== undefined)
    ),
  // In base64.
  maxAnswerBytes: ({ http: { maxResponseBytes } }) => Math.ceil(maxResponseBytes / 3) * 4,
  checkFiles: (_config, platform, sections) =>
    targetsOf(sections)
      .filter(([, { caFile, certFile }]) => caFile !== undefined || certFile !== undefined)
      .map(([name, target]) => checkCertificates(name, target, platform)),
  choices: (sections) => ({ "http-target": targetsOf(sections).map(([value]) => ({ value })) }),
  requestFault: (payload, _config, sections) => storedRequestFault(payload, readSection(HTTP_SECTION, sections)),
  create({ config, sections, broker, platform, deadlines, resources }) {
    const transports = new Transports(platform);
    resources.defer(() => transports.close());
    const closing = new AbortController();
    resources.defer(() => closing.abort());
    const service = createHttpService({
      settings: config.http,
      directory: new DestinationDirectory(createReadSection(HTTP_SECTION, sections), config.http.allowed),
      checkAddress: createCheckAddress({ ownPorts: ownPorts(config, broker.port), platform }),
      transports,
      deadlines,
      closeSignal: closing.signal,
    });
    return Promise.resolve({ service });
  },
};

function targetsOf(sections: Sections): readonly (readonly [name: string, target: HttpTarget])[] {
  return Object.entries(readSection(HTTP_SECTION, sections));
}

/** Returns the ports on which the gateway itself listens. */
function ownPorts({ server, metrics, mqtt }: Config, brokerPort: number): readonly OwnPort[] {
  return [
    server,
    ...metrics.port === "off" ? [] : [{ host: metrics.host, port: metrics.port }],
    ...mqtt.host === undefined ? [{ host: "127.0.0.1", port: brokerPort }] : [],
  ];
}

function allowNet(config: Config, sections: Sections): string[] | undefined {
  const { allowed } = config.http;
  // A name is connected to by its address, which is known only once it is resolved; Deno has no permission for a network
  // of IPv6.
  if (!allowed.every(({ host }) => isNumeric(host))) return undefined;
  const ports = ownPorts(config, config.mqtt.port).map(({ port }) => port);
  return [
    ...allowed.map(({ host }) => formatHostPattern(host)),
    ...targetsOf(sections).flatMap(([, { url }]) => {
      const host = canonicalHost(hostOf(url));
      const port = portOf(url);
      // To resolve a name needs the permission for the name with any port.
      const isResolved = ports.includes(port) && parseAddress(host) === undefined;
      return [formatHostPattern({ host, port: isResolved ? undefined : port })];
    }),
  ];
}
