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
  type LogRecord,
  type TextFormatter,
} from "@logtape/logtape";
import { redactByField } from "@logtape/redaction";
import type { Config } from "../config/settings.ts";
import { isObject } from "../lib/json.ts";
import { createLineSink } from "./line_sink.ts";
import { createMask, MASKED, SECRET_FIELD, secretsOf } from "./mask.ts";
import { visible, visibleJson, visibleLine } from "./visible.ts";

/** What the log needs to know: how to write, and what not to. */
export type LogConfig = Pick<Config, "log"> & Partial<Config>;

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
  const format = config.log.format === "auto" ? isTerminal ? "color" : "json" : config.log.format;
  const mask = createMask(secretsOf(config));
  const formatRecord = {
    color: () => forPeople(getAnsiColorFormatter({ value: showValue, format: showLine(({ level }) => level) })),
    text: () => forPeople(getTextFormatter({ value: showValue, format: showLine(({ level }) => `[${level}]`) })),
    json: () => forPrograms(mask),
  }[format]();
  const formatter: TextFormatter = format === "json"
    ? (record) => visibleJson(mask(formatRecord(record)))
    : (record) => mask(formatRecord(record));
  configureSync({
    sinks: {
      console: redactByField(ignoreErrors(getConsoleSink({ formatter })), {
        fieldPatterns: [SECRET_FIELD],
        action: () => MASKED,
      }),
      // The fields of a decision are known, and there is one for each request.
      // deno-lint-ignore no-console
      lines: createLineSink(formatter, ignoreErrors((lines) => console.info(lines))),
    },
    filters: { flood: createFloodFilter() },
    loggers: [
      { category: "gateway", sinks: ["console"], filters: ["flood"], lowestLevel: config.log.level },
      { category: "audit", sinks: ["lines"], lowestLevel: config.log.level },
      { category: "log", sinks: ["console"], lowestLevel: "warning" },
      { category: ["logtape", "meta"], sinks: ["console"], lowestLevel: "warning" },
    ],
  });
  return getLogger("gateway");
}

/** Makes a writer that throws nothing: a full disk behind the output costs lines, and not the gateway. */
function ignoreErrors<T>(write: (entry: T) => void): (entry: T) => void {
  return (entry) => {
    try {
      write(entry);
    } catch {
      // Nowhere is left to report it.
    }
  };
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
    summary: { logger: { warning: reportSuppressed } },
  });
}

/** Reports how many messages were left out, and their template: the values of its placeholders differ in each. */
function reportSuppressed(_message: string, { suppressed, lastRecord }: Record<string, unknown>): void {
  const template = isObject(lastRecord) ? lastRecord["rawMessage"] : "";
  getLogger("log").warn("{suppressed} more like this in a minute: {template}", { suppressed, template });
}

/** Longest finished message in a line of JSON, in characters: the values in it are fields of their own as well. */
const MAX_TEXT_LENGTH = 2000;

/** Formats records as JSON lines: template, values, and as `text` the finished message, on one line as for people. */
function forPrograms(mask: (line: string) => string): TextFormatter {
  const formatJson = getJsonLinesFormatter({ message: "template", properties: "flatten" });
  const formatText = forPeople(getTextFormatter({
    timestamp: "none",
    value: (value, inspect) => value instanceof Error ? `${value.name}: ${value.message}` : showValue(value, inspect),
    format: ({ message }) => message,
  }));
  return (record) => {
    const finished = visibleLine(formatText(record).trimEnd());
    // What is cut off must be masked before: the mask recognizes no part of a secret.
    const text = finished.length > MAX_TEXT_LENGTH ? `${mask(finished).slice(0, MAX_TEXT_LENGTH)}…` : finished;
    return formatJson({ ...record, properties: { ...record.properties, text } });
  };
}

/** Formats records as text, with what a client chose in quotes: no topic can look like the rest of a line. */
function forPeople(format: TextFormatter): TextFormatter {
  return (record) => format(record.category[0] === "audit" ? quoteDecision(record) : record);
}

function quoteDecision(record: LogRecord): LogRecord {
  const { target, outcome } = record.properties;
  const isChosen = (part: unknown) => part !== "-" && (part === target || part === outcome);
  return { ...record, message: record.message.map((part) => isChosen(part) ? JSON.stringify(part) : part) };
}

/** Lays out a line for people: the request that it is about comes after the level. */
function showLine(level: (values: FormattedValues) => string): (values: FormattedValues) => string {
  return (values) => {
    const { timestamp, category, message, record: { properties: { request } } } = values;
    const about = request === undefined ? "" : ` [${showValue(request, String)}]`;
    return `${timestamp} ${level(values)}${about} ${category}: ${message}`;
  };
}

/** Shows a value for people. A client may have chosen it: it must not move the cursor, or look like a line of its own. */
function showValue(value: unknown, inspect: (value: unknown) => string): string {
  if (value === undefined) return "-";
  if (typeof value === "string") return visibleLine(value);
  // An error has several lines: each further one is set in.
  return visible(inspect(value)).replace(/\n(?! )/g, "\n    ");
}
