/**
 * Formatter of the audit, of which each request has a line: writes what the general formatter writes, in a fifth of the
 * time.
 *
 * @module
 */
import { isVisible } from "../lib/visible.ts";
import type { LogRecord, RecordFormatter } from "./log.ts";

/** Options of the formatter. */
export interface AuditFormatterOptions {
  /** Form of a line. */
  readonly format: "text" | "json";
  /** Masks secrets in a line. */
  readonly mask: (line: string) => string;
  /** Formatter of all records. It is left with those that hold more than names, numbers and visible text. */
  readonly general: RecordFormatter;
  /** Longest message, in characters, that the general formatter does not cut. */
  readonly maxLength: number;
}

/** Characters of visible text that JSON escapes. */
const ESCAPED = /["\\]/;

/** Creates the formatter. */
export function createAuditFormatter({ format, mask, general, maxLength }: AuditFormatterOptions): RecordFormatter {
  const readTemplate = createTemplateReader();
  const toIsoTime = createIsoTime();

  function asText({ timestamp, properties: { request } }: LogRecord, message: string): string {
    const time = toIsoTime(timestamp);
    const requestId = request === undefined ? "" : ` [${request}]`;
    return `${time.slice(0, 10)} ${time.slice(11, 23)} +00:00 [INF]${requestId} audit: ${message}`;
  }

  function asJson({ timestamp, properties }: LogRecord, { json }: Template, message: string): string {
    const head = `"@timestamp":"${toIsoTime(timestamp)}","level":"INFO","message":${json}`;
    const members = JSON.stringify(properties).slice(1, -1);
    return `{${head},"logger":"audit",${members},"text":${JSON.stringify(message.trimEnd())}}`;
  }

  /** Formats a record; returns undefined if its line may differ from that of the general formatter. */
  function formatOrdinary(record: LogRecord): string | undefined {
    const { level, rawMessage, properties } = record;
    const template = readTemplate(rawMessage);
    if (level !== "info" || template === undefined) return undefined;
    const values = joinValues(properties);
    if (values === undefined || !isOrdinary(values)) return undefined;
    const message = fillIn(template.parts, properties);
    if (message.length > maxLength) return undefined;
    const line = format === "text" ? asText(record, message) : asJson(record, template, message);
    // A line is five times as long as its values. It has no secret that they lack, unless JSON changes them.
    return `${mask(values) === values && !ESCAPED.test(values) ? line : mask(line)}\n`;
  }

  return (record) => formatOrdinary(record) ?? general(record);
}

/** Members of every line of JSON, which no property may replace. */
const OWN_MEMBERS = new Set(["@timestamp", "level", "message", "logger", "text"]);

/**
 * Joins the values of properties. Returns undefined if there are none, if one replaces another member, or if one does not
 * look the same in every format.
 */
function joinValues(properties: LogRecord["properties"]): string | undefined {
  let values = "";
  for (const name in properties) {
    const value = properties[name];
    const isSame = typeof value === "string" || (Number.isSafeInteger(value) && !Object.is(value, -0));
    if (!isSame || OWN_MEMBERS.has(name)) return undefined;
    values += `${value} `;
  }
  return values === "" ? undefined : values;
}

/** Template of a message. */
interface Template {
  /** Every second part is the name of a property. */
  readonly parts: readonly string[];
  /** The template in JSON. */
  readonly json: string;
}

/** Creates a reader of templates. All decisions have the same one. */
function createTemplateReader(): (text: LogRecord["rawMessage"]) => Template | undefined {
  let last: LogRecord["rawMessage"] | undefined;
  let template: Template | undefined;
  return (text) => {
    if (text !== last) {
      last = text;
      template = typeof text === "string" ? parseTemplate(text) : undefined;
    }
    return template;
  };
}

/** Splits a template at its placeholders. Returns undefined if it has other braces, or is not ordinary. */
function parseTemplate(text: string): Template | undefined {
  const parts = text.split(/\{(\w+)\}/);
  if (!isOrdinary(text) || parts.some((part) => /[{}]/.test(part))) return undefined;
  return { parts, json: JSON.stringify(text) };
}

/** Returns whether a text has neither a control character nor half a character. */
function isOrdinary(text: string): boolean {
  return isVisible(text) && text.isWellFormed();
}

/** Fills properties into the parts of a template, in quotes if they come from a client. */
function fillIn(parts: readonly string[], properties: Readonly<Record<string, unknown>>): string {
  const { target, outcome } = properties;
  let message = "";
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index] ?? "";
    const value = index % 2 === 0 ? part : properties[part] ?? "-";
    const isFromClient = index % 2 === 1 && value !== "-" && (value === target || value === outcome);
    message += isFromClient ? JSON.stringify(value) : value;
  }
  return message;
}

/** Creates a formatter of times, many of which are the same. */
function createIsoTime(): (ms: number) => string {
  let last = 0;
  let time = new Date(last).toISOString();
  return (ms) => {
    if (ms !== last) {
      last = ms;
      time = new Date(ms).toISOString();
    }
    return time;
  };
}
