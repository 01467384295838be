/**
 * Check of the targets for the doctor: each accepts a connection, and its certificates are of use.
 *
 * @module
 */
import { type Check, combineFindings, failed, type Finding, ok, skipped, warning } from "../../doctor/check.ts";
import { errorText } from "../../lib/errors.ts";
import { describeFetchError } from "../../lib/fetch_failure.ts";
import { readSection } from "../section.ts";
import { NAMED } from "./destination.ts";
import { basePath, HTTP_SECTION, type HttpTarget } from "./section.ts";
import { Transports } from "./transport.ts";

/** Check of the targets of HTTP requests. */
export const HTTP_CHECK: Check = {
  name: "http",
  async run({ sections, machine }, signal) {
    const targets = Object.entries(readSection(HTTP_SECTION, sections));
    if (targets.length === 0) return skipped("The services file has no HTTP targets");
    const transports = new Transports(machine);
    try {
      const findings = targets.map(([name, target]) => checkTarget(name, target, { transports, signal }));
      return combineFindings(await Promise.all(findings));
    } finally {
      await transports.close();
    }
  },
};

/** Asks for the address itself by HEAD, which changes nothing, and without the gateway's login. */
async function checkTarget(
  name: string,
  target: HttpTarget,
  { transports, signal }: { readonly transports: Transports; readonly signal: AbortSignal },
): Promise<Finding> {
  const place = `${name} (${target.url.origin})`;
  const url = new URL(`${basePath(target.url)}/`, target.url);
  const destination = { name, url, headers: [], target, ...NAMED };
  try {
    const message = { destination, method: "HEAD", headers: [], body: undefined } as const;
    const { response } = await transports.send(message, { address: undefined, signal });
    await response.body?.cancel();
    const { status } = response;
    // Without a login, a refusal shows as well that the server is there.
    if (status < 500) return ok(`${place} answers`);
    return warning(`${place} answers with status ${status}`, "Look into its log");
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("http.")) return failed(errorText(error), FIX_FILE);
    if (error instanceof Error && error.name === "NotCapable") throw error;
    const { reason, message } = describeFetchError(error, signal);
    return failed(`${place} ${message}`, reason === "certificate" ? FIX_CERTIFICATE : FIX_URL);
  }
}

const FIX_FILE = "Fix the file, or its path in the services file";
const FIX_CERTIFICATE = "Set caFile of the target to its certificate, or to the one of its authority";
const FIX_URL = "Start the server, or fix url of the target in the services file";
