/**
 * The command `conformance`: checks any running gateway against docs/protocol.md, from outside.
 *
 * @module
 */
import { SYSTEM_CLOCK } from "../lib/clock.ts";
import { formatJson, formatTable, summarize } from "../conformance/report.ts";
import { type CheckInfo, runChecks, SUBJECTS } from "../conformance/run_checks.ts";
import { topicFault } from "../mqtt/topics/rules.ts";
import { randomBytes } from "../protocol/bytes.ts";
import type { Version } from "../protocol/exchange.ts";
import { parseKey } from "../protocol/secret_key.ts";
import { type CommandLine, readArgs, wrongUsage } from "./args.ts";
import { CLIENT_OPTIONS, findKey, gatewayUrl, readClientSources, runClient } from "./client.ts";
import { EXIT_FAILURE } from "./exit_codes.ts";
import type { Platform } from "../platform.ts";

/** Command line of `conformance`. */
export const CONFORMANCE_LINE = {
  synopsis: "deno task conformance",
  summary: "Check any running gateway against docs/protocol.md, from outside",
  options: {
    url: CLIENT_OPTIONS.url,
    "key-file": CLIENT_OPTIONS["key-file"],
    key: { type: "string", value: "HEX", description: "The key itself, which others on this machine can then see" },
    topic: {
      type: "string",
      value: "TOPIC",
      default: "e2e-gateway/conformance",
      description: "Topic below which the checks publish and\nsubscribe",
    },
    protocol: { type: "string", value: "1|2", description: "Check only this version; without it, both" },
    slow: { type: "boolean", default: false, description: "Also the checks that take half a minute" },
    json: { type: "boolean", default: false, description: "Print the results as JSON" },
  },
} as const satisfies CommandLine;

const KEY_RULE = "Key must be 64 hexadecimal characters";

const KEY_WARNING = "Others on this machine can see a key that is given with --key: prefer --key-file or GATEWAY_KEY";

/** Runs the checks and prints a table. The exit code is 0 if no check failed. */
export function conformance(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals } = readArgs(platform.args, CONFORMANCE_LINE);
    // An argument is not printed: it may be a key without its option.
    if (positionals.length > 0) throw wrongUsage("Expected options only, no arguments", CONFORMANCE_LINE);
    const versions = parseVersions(values.protocol);
    const fault = topicFault(values.topic);
    if (fault !== undefined) throw wrongUsage(`Topic "${values.topic}" ${fault}`, CONFORMANCE_LINE);
    if (values.key !== undefined && values["key-file"] !== undefined) {
      throw wrongUsage("Give --key or --key-file, not both", CONFORMANCE_LINE);
    }
    if (values.key !== undefined) platform.printError(KEY_WARNING);
    const sources = await readClientSources(platform, Boolean(values.url && (values.key ?? values["key-file"])));
    const url = gatewayUrl(sources, values);
    const secret = parseKey(values.key ?? await findKey(sources, { ...values, files: platform.files }));
    if (secret === undefined) {
      throw values.key === undefined ? new TypeError(KEY_RULE) : wrongUsage(KEY_RULE, CONFORMANCE_LINE);
    }
    // One line for an unreachable gateway, instead of a table of failures.
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
      ...platform.isTerminal ? { onCheck: reportProgress(platform) } : {},
    });
    platform.print(values.json ? formatJson(results) : formatTable(results));
    return summarize(results).failed === 0 ? 0 : EXIT_FAILURE;
  });
}

/** Prints one line for each subject, as the checks run. */
function reportProgress({ printError }: Platform): (check: CheckInfo) => void {
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
  throw wrongUsage(`Protocol must be 1 or 2, not "${text}"`, CONFORMANCE_LINE);
}
