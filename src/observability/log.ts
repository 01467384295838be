/**
 * The log: LogTape, set up once by the command that starts.
 *
 * @module
 */
import {
  configureSync,
  type Filter,
  type FormattedValues,
  getAnsiColorFormatter,
  getConsoleSink,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  getThrottlingFilter,
  sanitizeControlSequences,
  type TextFormatter,
} from "@logtape/logtape";
import { redactByField } from "@logtape/redaction";
import type { Config } from "../config.ts";
import { createLineSink } from "./line_sink.ts";
import { createMask, MASKED, SECRET_FIELD, secretsOf } from "./mask.ts";

/** What the log needs to know: how to write, and what not to. */
export type LogConfig = Pick<Config, "LOG_FORMAT" | "LOG_LEVEL"> & Partial<Config>;

/** Where events are told, with their properties. Messages name properties in braces, and never hold a secret. */
export interface Log {
  /** Tells what only somebody who searches wants to know. */
  debug(message: string, properties?: Record<string, unknown>): void;
  /** Tells what is normal. */
  info(message: string, properties?: Record<string, unknown>): void;
  /** Tells what went wrong for one request. */
  warn(message: string, properties?: Record<string, unknown>): void;
  /** Tells what should never happen. */
  error(message: string, properties?: Record<string, unknown>): void;
}

/**
 * Sets the log up and returns it. No line holds a secret of the configuration, whoever logs it, and as what.
 *
 * @param isTerminal whether a person watches: `LOG_FORMAT=auto` then writes colored text, otherwise JSON lines
 */
export function startLog(config: LogConfig, isTerminal: boolean): Log {
  const format = config.LOG_FORMAT === "auto" ? isTerminal ? "color" : "json" : config.LOG_FORMAT;
  const formatRecord = {
    color: () => getAnsiColorFormatter({ value: showValue, format: showLine(({ level }) => level) }),
    text: () => getTextFormatter({ value: showValue, format: showLine(({ level }) => `[${level}]`) }),
    json: () => getJsonLinesFormatter({ message: "template", properties: "flatten" }),
  }[format]();
  const mask = createMask(secretsOf(config));
  const formatter: TextFormatter = (record) => mask(formatRecord(record));
  configureSync({
    sinks: {
      console: redactByField(getConsoleSink({ formatter }), {
        fieldPatterns: [SECRET_FIELD],
        action: () => MASKED,
      }),
      // The fields of a decision are known, and there is one for each request.
      // deno-lint-ignore no-console
      lines: createLineSink(formatter, (lines) => console.info(lines)),
    },
    filters: { flood: createFloodFilter() },
    loggers: [
      { category: "gateway", sinks: ["console"], filters: ["flood"], lowestLevel: config.LOG_LEVEL },
      { category: "audit", sinks: ["lines"], lowestLevel: config.LOG_LEVEL },
      { category: "log", sinks: ["console"], lowestLevel: "warning" },
      { category: ["logtape", "meta"], sinks: ["console"], lowestLevel: "warning" },
    ],
  });
  return getLogger("gateway");
}

/** The log for decisions over requests: each is a line of its own, and none is left out as too many. */
export function auditLog(): Log {
  return getLogger("audit");
}

/** Lets a scan of a public address fill no disk: of equal messages a minute only the first few are written. */
function createFloodFilter(): Filter {
  return getThrottlingFilter({
    limit: 20,
    windowMs: 60_000,
    summary: {
      logger: getLogger("log"),
      message: ({ lastRecord }) => `{suppressed} more like this in a minute: ${lastRecord.rawMessage}`,
    },
  });
}

/** Lays out a line for people: the request that it is about comes after the level. */
function showLine(level: (values: FormattedValues) => string): (values: FormattedValues) => string {
  return (values) => {
    const { timestamp, category, message, record: { properties: { request } } } = values;
    const about = request === undefined ? "" : ` [${showValue(request, String)}]`;
    return `${timestamp} ${level(values)}${about} ${category}: ${message}`;
  };
}

/** Shows a text as it is, for people. A client may have chosen it: it must not move the cursor or fake a line. */
function showValue(value: unknown, inspect: (value: unknown) => string): string {
  if (typeof value !== "string") return inspect(value);
  return sanitizeControlSequences(value).replace(/[\r\n]+/g, " ");
}
