/**
 * The command `conformance`: checks any running gateway against docs/protocol.md, from outside.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { SYSTEM_CLOCK } from "../client/clock.ts";
import { formatJson, formatTable, summarize } from "../conformance/report.ts";
import { type About, runChecks } from "../conformance/run_checks.ts";
import { SUBJECTS } from "../conformance/subjects.ts";
import { topicFault } from "../mqtt/topic.ts";
import { type Bytes, randomBytes } from "../protocol/bytes.ts";
import type { Version } from "../protocol/exchange.ts";
import { parseKey } from "../protocol/secret_key.ts";
import { CLIENT_OPTIONS, findKey, gatewayUrl, readClientSources, runClient, UsageError } from "./client.ts";
import { EXIT_FAILURE, type Platform } from "./platform.ts";

const USAGE = `Usage: deno task conformance [--url URL] [--key-file FILE | --key HEX] [--topic TOPIC]
       [--protocol 1|2] [--slow] [--json]
Others on this machine can see a key that is given with --key: prefer GATEWAY_KEY or --key-file`;

const DEFAULT_TOPIC = "e2e-gateway/conformance";

/** Runs the checks and prints a table. The exit code tells whether all rules are kept that could be checked. */
export function conformance(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values } = parseArgs({
      args: [...platform.args],
      options: {
        ...CLIENT_OPTIONS,
        key: { type: "string" },
        topic: { type: "string", default: DEFAULT_TOPIC },
        slow: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    });
    const versions = parseVersions(values.protocol);
    const fault = topicFault(values.topic);
    if (fault !== undefined) throw new UsageError(`Topic "${values.topic}" ${fault}\n${USAGE}`);
    if (values.key !== undefined && values["key-file"] !== undefined) {
      throw new UsageError(`Give --key or --key-file, not both\n${USAGE}`);
    }
    const sources = await readClientSources(platform);
    const url = parseUrl(gatewayUrl(sources, values));
    const secret = parseSecret(values.key ?? await findKey(sources, { ...values, files: platform.files }));
    // Where nobody listens, one line says more than a table of failures.
    await (await platform.fetch(`${url}/health`)).body?.cancel();
    const results = await runChecks({
      url,
      secret,
      topic: values.topic,
      fetch: platform.fetch,
      clock: SYSTEM_CLOCK,
      random: randomBytes,
      subjects: SUBJECTS,
      versions,
      slow: values.slow,
      ...platform.isTerminal ? { onCheck: tellProgress(platform) } : {},
    });
    platform.print(values.json ? formatJson(results) : formatTable(results));
    return summarize(results).failed === 0 ? 0 : EXIT_FAILURE;
  });
}

/** One line for each subject: the table tells the rest. */
function tellProgress({ printError }: Platform): (about: About) => void {
  let last = "";
  return ({ number, subject }) => {
    if (subject === last) return;
    last = subject;
    printError(`Check ${number} …: ${subject}`);
  };
}

function parseVersions(text: string | undefined): readonly Version[] {
  if (text === undefined) return [1, 2];
  if (text === "1") return [1];
  if (text === "2") return [2];
  throw new UsageError(`Protocol must be 1 or 2, not "${text}"\n${USAGE}`);
}

/** An address that paths can be appended to. It shows in failures, so it must not hold a password. */
function parseUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new UsageError(`URL must be http:// or https://, without login, query or fragment\n${USAGE}`);
  }
  return url.href.replace(/\/+$/, "");
}

function parseSecret(text: string): Bytes {
  const secret = parseKey(text);
  if (secret === undefined) throw new UsageError(`Key must be 64 hexadecimal characters\n${USAGE}`);
  return secret;
}
