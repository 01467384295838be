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
      write(new DecisionRecord(template, properties));
    },
  };
}

/** Record of a decision. */
class DecisionRecord implements LogRecord {
  readonly category = CATEGORY;
  readonly level = "info";
  readonly timestamp = Date.now();

  constructor(readonly rawMessage: string, readonly properties: Readonly<Record<string, unknown>>) {}

  /** Made when it is read, as only few formats do. A copy of the record by spreading does not have it. */
  get message(): readonly unknown[] {
    const parts = this.rawMessage.split(/\{(\w+)\}/);
    return parts.map((part, index) => index % 2 === 0 ? part : this.properties[part]);
  }
}
