/**
 * The command `doctor`: checks everything around the gateway, and prints each problem with its fix.
 *
 * @module
 */
import { watch, type WatchOptions } from "../doctor/run_checks.ts";
import { HealthTopic, type HealthTopicOptions, publishOnce } from "../doctor/health_topic.ts";
import { exitCodeOf, formatChanges, formatJson, formatReport, formatState, formatUnchanged } from "../doctor/report.ts";
import { brokerAddress, connectTo, runDoctor, tryReadSettings } from "../app/doctor.ts";
import { BrokerError } from "../mqtt/broker.ts";
import { topicFault } from "../mqtt/topics/rules.ts";
import { type CommandLine, readOptions, UsageError, wrongUsage } from "./args.ts";
import { SERVICES } from "../services/registry.ts";
import type { ServiceModule } from "../services/service.ts";
import { EXIT_USAGE } from "./exit_codes.ts";
import type { Platform } from "../platform.ts";

/** Command line of `doctor`. */
export const DOCTOR_LINE = {
  synopsis: "deno task doctor",
  summary: "Find out why it does not work: check everything around the gateway, each with its remedy",
  options: {
    json: {
      type: "boolean",
      default: false,
      description: "Print JSON: one document, or with --watch one in each line",
    },
    watch: {
      type: "string",
      value: "[SECONDS]",
      description: "Repeat the checks every SECONDS (60 by default), and\nprint what changes",
    },
    mqtt: {
      type: "string",
      value: "[TOPIC]",
      description: "Publish the state, retained, to e2e-gateway/health without\nTOPIC",
    },
  },
  notes: "Exit codes: 0 all checks passed, 1 warnings, 2 at least one check failed.",
} as const satisfies CommandLine;

/** Values of options that are given without one. */
const DEFAULTS: Readonly<Record<string, string>> = { "--watch": "60", "--mqtt": "e2e-gateway/health" };

/** Shortest interval, in seconds: with a wrong API key, shorter ones may look like an attack on Jeedom. */
const MIN_PAUSE_SECONDS = 10;
const MAX_PAUSE_SECONDS = 86_400;

/** Exit code when the state could not be published. */
const EXIT_UNPUBLISHED = 2;

/** Output of the reports. */
interface ReportOutput {
  readonly json: boolean;
  /** Topic to publish to, if any. */
  readonly topic: HealthTopicOptions | undefined;
}

/** Runs all checks, once or repeatedly. Exit code: 0 all checks passed, 1 warnings only, 2 at least one check failed. */
export async function doctor(platform: Platform, services: readonly ServiceModule[] = SERVICES): Promise<number> {
  try {
    const { json, pauseSeconds, topic } = parseOptions(platform.args);
    const output = { json, topic: topic === undefined ? undefined : await healthTopic(platform, services, topic) };
    const runRound = (signal: AbortSignal) => runDoctor(platform, services, signal);
    return pauseSeconds === undefined
      ? await runOnce(platform, output, runRound)
      : await runRepeatedly(platform, output, { runRound, pauseMs: pauseSeconds * 1000 });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    platform.printError(error.message);
    return EXIT_USAGE;
  }
}

async function runOnce(
  platform: Platform,
  { json, topic }: ReportOutput,
  runRound: WatchOptions["runRound"],
): Promise<number> {
  const report = await runRound(new AbortController().signal);
  platform.print(json ? formatJson(report, 2) : formatReport(report));
  try {
    if (topic !== undefined) await publishOnce(formatState(report), topic);
    return exitCodeOf(report);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    reportUnpublished(platform, error.message);
    return EXIT_UNPUBLISHED;
  }
}

async function runRepeatedly(
  platform: Platform,
  { json, topic }: ReportOutput,
  { runRound, pauseMs }: Pick<WatchOptions, "runRound" | "pauseMs">,
): Promise<number> {
  const published = topic && new HealthTopic({
    ...topic,
    random: Math.random,
    onError: (fault) => reportUnpublished(platform, fault),
  });
  const stop = new AbortController();
  platform.untilStopped().then(() => stop.abort());
  const last = await watch({
    runRound,
    async onReport(report, before) {
      if (json) platform.print(formatJson(report));
      else if (before === undefined) platform.print(formatReport(report));
      else {
        const changes = formatChanges(report, before);
        changes.forEach((line) => platform.print(line));
        // A closed pipe is noticed only by printing.
        if (changes.length === 0 && !platform.isTerminal) platform.print(formatUnchanged(report));
      }
      await published?.publish(formatState(report));
    },
    pauseMs,
    signal: stop.signal,
  });
  await published?.close();
  return last === undefined ? 0 : exitCodeOf(last);
}

function reportUnpublished({ printError }: Platform, fault: string): undefined {
  printError(`The state is not published: ${fault}`);
}

/** Finds the broker to publish to; undefined, with a message, if the settings are invalid. */
async function healthTopic(
  platform: Platform,
  services: readonly ServiceModule[],
  topic: string,
): Promise<HealthTopicOptions | undefined> {
  const { settings } = await tryReadSettings(platform, services);
  if (settings === undefined) return reportUnpublished(platform, "The configuration is invalid");
  const { config } = settings;
  if (config.mqtt.host === undefined) {
    throw wrongUsage("--mqtt needs MQTT_BROKER_HOST: the embedded broker stops with the gateway", DOCTOR_LINE);
  }
  const address = await brokerAddress(config, platform).catch((error) =>
    reportUnpublished(platform, error instanceof Error ? error.message : "A file cannot be read")
  );
  return address === undefined ? undefined : { connect: connectTo(config), address, topic };
}

function parseOptions(args: readonly string[]) {
  const words = args.flatMap((word, index) => {
    const value = DEFAULTS[word];
    return value === undefined || /^[^-]/.test(args[index + 1] ?? "-") ? [word] : [`${word}=${value}`];
  });
  const { watch: seconds, mqtt: topic, json } = readOptions(words, DOCTOR_LINE);
  const pauseSeconds = seconds === undefined ? undefined : Number(seconds);
  if (pauseSeconds !== undefined && !(pauseSeconds >= MIN_PAUSE_SECONDS && pauseSeconds <= MAX_PAUSE_SECONDS)) {
    throw wrongUsage(
      `--watch must be from ${MIN_PAUSE_SECONDS} to ${MAX_PAUSE_SECONDS} seconds, not "${seconds}"`,
      DOCTOR_LINE,
    );
  }
  const fault = topic === undefined ? undefined : topicFault(topic);
  if (fault !== undefined) throw wrongUsage(`--mqtt "${topic}" ${fault}`, DOCTOR_LINE);
  return { json, pauseSeconds, topic };
}
