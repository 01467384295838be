/**
 * The command `push`: subscriptions, rules and recent alerts of the key.
 *
 * @module
 */
import { type GatewayClient, GatewayError, type PushRule, type PushState } from "../client/gateway_client.ts";
import { visibleLine } from "../lib/visible.ts";
import type { Platform } from "../platform.ts";
import { type CommandLine, formatUsage, readArgs, unknownName, UsageError, wrongUsage } from "./args.ts";
import { CLIENT_OPTIONS, openClient, runClient } from "./client.ts";
import { EXIT_FAILURE } from "./exit_codes.ts";
import { RULE_OPTIONS, ruleFromOptions, type RuleValues } from "./push/rule_options.ts";

/** Command line of `push`. */
export const PUSH_LINE = {
  synopsis: "deno task push [SUBCOMMAND]",
  summary: "List and test devices with push messages, and set the rules of their alerts",
  options: { ...RULE_OPTIONS, ...CLIENT_OPTIONS },
  notes: `Subcommands, for the key of the command:
  list               Show its devices; also without a subcommand
  test ID            Send a device a test notification
  remove ID          Remove a device
  alerts             Show recent alerts
  rules              Show its rules
  rules add NAME     Set a rule, with the options above --url
  rules remove NAME  Remove a rule

  deno task push rules add doorbell --topic home/doorbell \\
    --equals pressed --title Doorbell --urgency high
  deno task push rules add freezer --topic 'zigbee2mqtt/freezer' \\
    --path '$.temperature' --above=-15 --hysteresis 2 \\
    --title 'Freezer: {value} °C' --action silence`,
} as const satisfies CommandLine;

/** Values of the options. */
type Values = ReturnType<typeof readArgs<typeof PUSH_LINE.options>>["values"];

/** Console, and client of the gateway. */
interface Session {
  readonly client: GatewayClient;
  readonly platform: Pick<Platform, "print" | "printError">;
}

/** Work with the gateway. Returns the exit code. */
type Work = (session: Session) => Promise<number>;

/** Runs the command. Without a word, it lists. */
export function push(platform: Platform): Promise<number> {
  return runClient(platform, async () => {
    const { values, positionals } = readArgs(platform.args, PUSH_LINE);
    const work = workOf(positionals, values);
    return await work({ client: await openClient(values, platform), platform });
  });
}

/**
 * Finds the work that words name.
 *
 * @throws {UsageError} if they name none, or an option is wrong
 */
function workOf(words: readonly string[], values: Values): Work {
  const [name = "list", argument, ruleName] = words;
  const max = Object.hasOwn(MAX_WORDS, name) ? MAX_WORDS[name] : undefined;
  if (max === undefined) {
    throw new UsageError(`${unknownName("subcommand", name, Object.keys(MAX_WORDS))}\n${formatUsage(PUSH_LINE)}`);
  }
  const extra = words[max];
  if (extra !== undefined) throw wrongUsage(`Unexpected argument '${extra}'`, PUSH_LINE);
  if (name === "list") return list;
  if (name === "alerts") return listAlerts;
  if (name === "rules") return rulesWorkOf(argument, ruleName, values);
  if (argument === undefined) throw wrongUsage("ID is missing: deno task push lists them", PUSH_LINE);
  return name === "test" ? testOf(argument) : removalOf(argument);
}

/** Most words of each subcommand. */
const MAX_WORDS: Readonly<Record<string, number>> = { list: 1, alerts: 1, test: 2, remove: 2, rules: 3 };

function rulesWorkOf(word: string | undefined, name: string | undefined, values: RuleValues): Work {
  if (word === undefined || word === "list") return listRules;
  if (word !== "add" && word !== "remove") {
    throw new UsageError(`${unknownName("subcommand", word, ["list", "add", "remove"])}\n${formatUsage(PUSH_LINE)}`);
  }
  if (name === undefined) throw wrongUsage("NAME is missing", PUSH_LINE);
  return word === "add" ? additionOf(ruleFromOptions(name, values)) : ruleRemovalOf(name);
}

const list: Work = async ({ client, platform }) => {
  const state = await client.push();
  for (const line of describe(state)) platform.print(line);
  return 0;
};

/** Describes the push messages of a key: a line for each subscription, and the numbers. */
function describe({ enabled, subscriptions, max, rules, maxRules, sources }: PushState): string[] {
  const lines = subscriptions.map(({ id, label, host, kind, lastSuccess, lastFailure }) =>
    [
      `${id}: ${label === undefined ? kind : visibleLine(label)} at ${host}`,
      `last success ${lastSuccess ?? "never"}`,
      ...lastFailure === undefined ? [] : [`last failure ${lastFailure}`],
    ].join(", ")
  );
  return [
    ...enabled ? [] : ["The gateway sends no push messages: set PUSH=on, or see its log"],
    ...lines,
    `${subscriptions.length} of ${max} devices, ${rules.length} of ${maxRules} rules, sources: ${sources.join(", ")}`,
  ];
}

const listAlerts: Work = async ({ client, platform }) => {
  for (const { timestamp, title, body } of await client.pushAlerts()) {
    platform.print(`${new Date(timestamp * 1000).toISOString()} ${visibleLine(title)}: ${visibleLine(body)}`);
  }
  return 0;
};

const listRules: Work = async ({ client, platform }) => {
  for (const { name, ...rule } of (await client.push()).rules) {
    platform.print(`${name}: ${visibleLine(JSON.stringify(rule))}`);
  }
  return 0;
};

function testOf(id: string): Work {
  return async ({ client, platform }) => {
    try {
      await client.pushTest(id);
    } catch (error) {
      if (error instanceof GatewayError && error.gatewayCode === "field") return unknownSubscription(platform, id);
      throw error;
    }
    platform.print("A test notification is queued; deno task push shows the last success");
    return 0;
  };
}

function removalOf(id: string): Work {
  return async ({ client, platform }) => {
    if (await client.pushUnsubscribe(id)) return done(platform, `Subscription ${id} is removed`);
    return unknownSubscription(platform, id);
  };
}

function unknownSubscription({ printError }: Session["platform"], id: string): number {
  printError(`There is no subscription ${id} of this key; deno task push lists them`);
  return EXIT_FAILURE;
}

function additionOf(rule: PushRule): Work {
  return async ({ client, platform }) => {
    await client.pushSetRule(rule);
    return done(platform, `Rule ${rule.name} is set`);
  };
}

function ruleRemovalOf(name: string): Work {
  return async ({ client, platform }) => {
    if (await client.pushRemoveRule(name)) return done(platform, `Rule ${name} is removed`);
    platform.printError(`There is no rule ${name} of this key; deno task push rules lists them`);
    return EXIT_FAILURE;
  };
}

function done({ print }: Session["platform"], text: string): number {
  print(text);
  return 0;
}
