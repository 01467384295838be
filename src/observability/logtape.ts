/**
 * Log by LogTape: formats, masking of secrets, and limits of repeated messages.
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
import { isObject } from "../lib/json.ts";
import { createAuditFormatter } from "./audit_formatter.ts";
import { createDecisionLog } from "./decision_log.ts";
import { type Log, type RecordFormatter, SILENT_LOG } from "./log.ts";
import { type Mask, MASKED, SECRET_FIELD } from "./mask.ts";
import { visible, visibleJson, visibleLine } from "../lib/visible.ts";

/** Settings of the log. */
export interface LogSettings {
  /** Lowest level that is written. */
  readonly level: "debug" | "info" | "warning" | "error";
  /** Form of a line. `auto`: colored text on a terminal, otherwise JSON. */
  readonly format: "auto" | "text" | "json";
}

/** Options of the log. */
export interface LogOptions {
  /** Settings of the log. */
  readonly settings: LogSettings;
  /** Masks the secrets in every line. */
  readonly mask: Mask;
  /** Whether the output is a terminal. */
  readonly isTerminal: boolean;
  /** Prints lines without colors to standard output, and never throws. */
  readonly print: (lines: string) => void;
}

/** Logs of a process. */
export interface Logs {
  /** Log of everything but decisions. */
  readonly log: Log;
  /** Log of decisions about requests, of which no line is suppressed. */
  readonly decisions: Pick<Log, "info">;
}

/** Sets the logs up, once for each process, and returns them. */
export function startLog({ settings, mask, isTerminal, print }: LogOptions): Logs {
  const { level } = settings;
  const format = settings.format === "auto" ? isTerminal ? "color" : "json" : settings.format;
  const formatter = createFormatter(format, mask);
  const auditFormatter = format === "color"
    ? formatter
    : createAuditFormatter({ format, mask, general: formatter, maxLength: MAX_TEXT_LENGTH });
  // deno-lint-ignore no-console
  const write = format === "color" ? ignoreErrors((lines: string) => console.info(lines)) : print;
  const lines = createLineSink(auditFormatter, write);
  configureSync<"console" | "lines", "flood">({
    sinks: {
      console: redactByField(ignoreErrors(getConsoleSink({ formatter })), {
        fieldPatterns: [SECRET_FIELD],
        action: () => MASKED,
      }),
      // Only for its end, at the end of the process.
      lines,
    },
    filters: { flood: createFloodFilter() },
    loggers: [
      { category: "gateway", sinks: ["console"], filters: ["flood"], lowestLevel: level },
      { category: "log", sinks: ["console"], lowestLevel: "warning" },
      { category: ["logtape", "meta"], sinks: ["console"], lowestLevel: "warning" },
    ],
  });
  // Without redaction by field, as the fields of a decision are known.
  const decisions = level === "debug" || level === "info" ? createDecisionLog(lines) : SILENT_LOG;
  return { log: getLogger("gateway"), decisions };
}

/** Creates the formatter of all records. */
export function createFormatter(format: "color" | "text" | "json", mask: (line: string) => string): RecordFormatter {
  const formatRecord = {
    color: () => asText(getAnsiColorFormatter({ value: formatValue, format: layoutLine((record) => record.level) })),
    text: () => asText(getTextFormatter({ value: formatValue, format: layoutLine((record) => `[${record.level}]`) })),
    json: () => asJson(mask),
  }[format]();
  return format === "json"
    ? (record) => visibleJson(mask(formatRecord(record)))
    : (record) => mask(formatRecord(record));
}

/** Creates a writer that never throws: a full disk loses lines, but does not stop the gateway. */
function ignoreErrors<T>(write: (entry: T) => void): (entry: T) => void {
  return (entry) => {
    try {
      write(entry);
    } catch {
      // It cannot be reported anywhere.
    }
  };
}

/** Creates a filter that writes only the first equal messages of each minute, so that a port scan fills no disk. */
function createFloodFilter(): Filter {
  return getThrottlingFilter({
    limit: 20,
    windowMs: 60_000,
    summary: { logger: { warning: reportSuppressed } },
  });
}

/** Logs how many messages were suppressed, with their template: the values of its placeholders differ in each. */
function reportSuppressed(_message: string, { suppressed, lastRecord }: Record<string, unknown>): void {
  const template = isObject(lastRecord) ? lastRecord["rawMessage"] : "";
  getLogger("log").warn("{suppressed} more like this in a minute: {template}", { suppressed, template });
}

/** Longest formatted message in a line of JSON, in characters: its values are fields as well. */
export const MAX_TEXT_LENGTH = 2000;

/** Formats records as JSON lines: template, values, and in `text` the formatted message on one line. */
function asJson(mask: (line: string) => string): TextFormatter {
  const formatJson = getJsonLinesFormatter({ message: "template", properties: "flatten" });
  const formatText = asText(getTextFormatter({
    timestamp: "none",
    value: (value, inspect) => value instanceof Error ? `${value.name}: ${value.message}` : formatValue(value, inspect),
    format: ({ message }) => message,
  }));
  return (record) => {
    const message = visibleLine(formatText(record).trimEnd());
    // Masked before it is cut: the mask recognizes no part of a secret.
    const text = message.length > MAX_TEXT_LENGTH ? `${mask(message).slice(0, MAX_TEXT_LENGTH)}…` : message;
    return formatJson({ ...record, properties: { ...record.properties, text } });
  };
}

/** Formats records as text, with values from clients in quotes: no topic can look like the rest of a line. */
function asText(format: TextFormatter): TextFormatter {
  return (record) => format(record.category[0] === "audit" ? quoteDecision(record) : record);
}

function quoteDecision(record: LogRecord): LogRecord {
  const { target, outcome } = record.properties;
  // Every second part is a value; the others are text of the template, which a client may send as well.
  const isFromClient = (part: unknown, index: number) =>
    index % 2 === 1 && part !== "-" && (part === target || part === outcome);
  return {
    ...record,
    message: record.message.map((part, index) => isFromClient(part, index) ? JSON.stringify(part) : part),
  };
}

/** Creates the layout of a text line, with the request's id after the level. */
function layoutLine(level: (values: FormattedValues) => string): (values: FormattedValues) => string {
  return (values) => {
    const { timestamp, category, message, record: { properties: { request } } } = values;
    const requestId = request === undefined ? "" : ` [${formatValue(request, String)}]`;
    return `${timestamp} ${level(values)}${requestId} ${category}: ${message}`;
  };
}

/** Formats a value as text. A client may have sent it: it must not move the cursor, or look like another line. */
function formatValue(value: unknown, inspect: (value: unknown) => string): string {
  if (value === undefined) return "-";
  if (typeof value === "string") return visibleLine(value);
  // An error has several lines: further ones are indented.
  return visible(inspect(value)).replace(/\n(?! )/g, "\n    ");
}

/** Sink of log records. */
export interface LineSink<Entry> extends Disposable {
  /** Accepts a record, which is written within {@linkcode FLUSH_MS}. */
  (entry: Entry): void;
}

/** Longest time until a line is written, in milliseconds: a process that is killed loses the lines of that time. */
const FLUSH_MS = 20;

/**
 * Creates a sink that writes the lines of some milliseconds at once: a synchronous write for each request took a tenth of
 * the gateway's time.
 *
 * @param write writes lines; the last one comes without its line break
 */
export function createLineSink<Entry>(
  formatter: (entry: Entry) => string,
  write: (lines: string) => void,
): LineSink<Entry> {
  let lines = "";
  let timer: ReturnType<typeof setTimeout> | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (lines === "") return;
    const text = lines;
    lines = "";
    write(text.endsWith("\n") ? text.slice(0, -1) : text);
  }

  const sink = (entry: Entry) => {
    lines += formatter(entry);
    timer ??= setTimeout(flush, FLUSH_MS);
  };
  // LogTape calls it at the end of the process.
  return Object.assign(sink, { [Symbol.dispose]: flush });
}
