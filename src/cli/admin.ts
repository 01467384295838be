/**
 * The command `admin`: prints the link of the Admin page, for a browser on this machine.
 *
 * @module
 */
import { dirname } from "node:path";
import { readConfig } from "../config/load.ts";
import type { Config } from "../config/settings.ts";
import { adminTokenFileOf, CHALLENGE_BYTES, isAdminProof } from "../keys/admin_token.ts";
import { KeyFileError, type LoadedKey, loadOrCreateKey } from "../keys/default_key_file.ts";
import { ask } from "../lib/http_probe.ts";
import { isObject, tryParseJson } from "../lib/json.ts";
import { localUrl } from "../net/host.ts";
import { isLoopback } from "../net/ip_address.ts";
import type { Platform } from "../platform.ts";
import { type Bytes, randomBytes } from "../protocol/bytes.ts";
import { SERVICES } from "../services/registry.ts";
import type { CommandLine } from "./args.ts";
import { EXIT_FAILURE } from "./exit_codes.ts";
import { findAddresses } from "./keys/gateway_addresses.ts";

/** Command line of `admin`. */
export const ADMIN_LINE = {
  synopsis: "deno task admin",
  summary: "Print the link of the Admin page, for a browser on the gateway's machine",
  options: {},
  notes: `The link holds a secret: a holder of it who can reach the admin port of this
machine can make keys. To end all links, remove the file admin_token beside the
keys. From another machine: ssh -L 9464:127.0.0.1:9464 HOST, then open the link.`,
} as const satisfies CommandLine;

/** Longest wait for the gateway, in milliseconds. */
const TIMEOUT_MS = 3000;

/** Prints the link, if a gateway that knows its token listens on the port. */
export async function admin(platform: Platform): Promise<number> {
  const { print, printError } = platform;
  try {
    const config = await readConfig(platform, SERVICES);
    const url = pageUrl(config);
    const { secret } = await openToken(config, platform);
    await assertGateway(url, secret, platform);
    const address = config.server.publicUrl?.href ??
      (config.server.port === 0 ? undefined : (await findAddresses(config.server, platform))[0].url);
    const fragment = new URLSearchParams({ token: secret.toHex(), ...address !== undefined && { gateway: address } });
    print("Open this link in a browser on this machine. It lets its holder make keys: do not pass it on.");
    print(`${url}#${fragment}`);
    return 0;
  } catch (error) {
    if (!(error instanceof AdminError || error instanceof KeyFileError)) throw error;
    printError(error.message);
    return EXIT_FAILURE;
  }
}

/** Reason why there is no link, with the remedy. */
class AdminError extends Error {}

/** Returns the address of the page. */
function pageUrl({ server, metrics: { host, port } }: Config): string {
  const elsewhere = "Use deno task keys instead";
  if (server.console === "off") throw new AdminError(`CONSOLE=off: the Admin page is off, too. ${elsewhere}`);
  if (port === "off") throw new AdminError(`METRICS_PORT=off: there is no port for the Admin page. ${elsewhere}`);
  if (port === 0) throw new AdminError("With METRICS_PORT=0 the port is another after each start: set METRICS_PORT");
  if (!isLoopback(host)) {
    throw new AdminError(
      `METRICS_HOST "${host}" is not a loopback address: the Admin page is served to this machine only. ${elsewhere}`,
    );
  }
  return `${localUrl({ host, port, tlsCertFile: undefined })}/admin/`;
}

/** Reads the token, or makes it. */
async function openToken(
  { keys: { secretKeyFile, fileMode: mode } }: Config,
  { files, printError }: Pick<Platform, "files" | "printError">,
): Promise<LoadedKey> {
  const path = adminTokenFileOf(secretKeyFile);
  const token = await loadOrCreateKey(path, { files, mode, random: randomBytes });
  const [own, directory] = await Promise.all([files.stat(path), files.stat(dirname(path))]);
  if (own.uid !== directory.uid) {
    printError(
      `"${path}" and its directory have different owners: if the gateway runs as the user with id ${directory.uid}, ` +
        `it cannot read it. Change the owner: chown ${directory.uid} ${path}`,
    );
  }
  return token;
}

/** Checks that the program on the port knows the token, too: any user of this machine could listen there. */
async function assertGateway(
  page: string,
  token: Bytes,
  { fetch }: Pick<Platform, "fetch">,
): Promise<void> {
  const challenge = randomBytes(CHALLENGE_BYTES);
  const reply = await ask(`${page}proof?challenge=${challenge.toHex()}`, {
    fetch,
    now: () => Date.now(),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (reply.kind === "failure") {
    throw new AdminError(
      `No gateway answers at ${page}: start it, or run this where it runs. In a container, use the ` +
        "command keys there",
    );
  }
  const answer = tryParseJson(reply.text);
  const proof = isObject(answer) ? answer["proof"] : undefined;
  if (typeof proof === "string" && isAdminProof(proof, token, challenge)) return;
  throw new AdminError(
    `The program at ${page} is no gateway with these key files, or cannot read the token beside them: check that ` +
      "METRICS_PORT and SECRET_KEY_FILE are those of the gateway, and the owner of the file admin_token",
  );
}
