/**
 * Log of decisions about requests, of which no line is suppressed. Each request has one, and LogTape takes three times as
 * long to hand over a record as it takes to format and write it.
 *
 * @module
 */
import type { Log, LogRecord } from "./log.ts";

const CATEGORY: LogRecord["category"] = ["audit"];

/** Creates the log from the sink of its records. */
export function createDecisionLog(write: (record: LogRecord) => void): Pick<Log, "info"> {
  return {
    info(template, properties = {}) {
      write({
        category: CATEGORY,
        level: "info",
        rawMessage: template,
        timestamp: Date.now(),
        properties,
        // Few formats read it.
        get message() {
          return template.split(/\{(\w+)\}/).map((part, index) => index % 2 === 0 ? part : properties[part]);
        },
      });
    },
  };
}
