/**
 * Messages as a file: one JSON object for each line, or CSV.
 *
 * @module
 */
import type { Message } from "../model/message.ts";

/** Format of the file. */
export type ExportFormat = "jsonl" | "csv";

/** Types of the files for the browser. */
export const MEDIA_TYPES: Readonly<Record<ExportFormat, string>> = {
  jsonl: "application/x-ndjson",
  csv: "text/csv;charset=utf-8",
};

/** Fields of both formats. */
const FIELDS = ["time", "service", "topic", "payload", "payload_b64", "qos", "retain"] as const;

/** Returns the lines of a file, each with its end. */
export function exportLines(messages: Iterable<Message>, format: ExportFormat): readonly string[] {
  const lines = format === "csv" ? [`${FIELDS.join(",")}\r\n`] : [];
  for (const message of messages) {
    const record = recordOf(message);
    lines.push(
      format === "csv"
        ? `${FIELDS.map((field) => csvField(record[field])).join(",")}\r\n`
        : `${JSON.stringify(record)}\n`,
    );
  }
  return lines;
}

function recordOf({ service, topic, payload, base64, qos, isRetained, at }: Message) {
  return {
    time: new Date(at).toISOString(),
    service,
    topic,
    payload,
    ["payload_b64"]: base64,
    qos,
    retain: isRetained,
  };
}

const NUMBER = /^[-+]?[\d.]+(e[-+]?\d+)?$/i;

/**
 * Beginnings of what a spreadsheet would run. Where a language writes decimals with a comma, fields end at semicolons, and
 * then neither quotes nor line ends of a field hold it together.
 */
const FORMULA = /(^|[;\t\r\n])(?=[" ]*[=+\-@＝＋－＠])/g;

/** Returns a field after RFC 4180, in which formulas are marked as text. JSONL has the exact payloads. */
function csvField(value: string | number | boolean | null | undefined): string {
  if (typeof value !== "string") return value === null || value === undefined ? "" : String(value);
  const text = NUMBER.test(value) ? value : value.replace(FORMULA, "$1'");
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
