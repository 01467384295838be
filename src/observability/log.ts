/**
 * The log: LogTape, set up once by the command that starts.
 *
 * @module
 */
import {
  ansiColorFormatter,
  configureSync,
  defaultTextFormatter,
  getConsoleSink,
  getLogger,
  jsonLinesFormatter,
  type Logger,
} from "@logtape/logtape";
import type { Config } from "../config.ts";

/**
 * Sets the log up and returns it.
 *
 * @param isTerminal whether a person watches: `LOG_FORMAT=auto` then writes colored text, otherwise JSON lines
 */
export function startLog(config: Pick<Config, "LOG_FORMAT" | "LOG_LEVEL">, isTerminal: boolean): Logger {
  const format = config.LOG_FORMAT === "auto" ? isTerminal ? "color" : "json" : config.LOG_FORMAT;
  const formatter = { color: ansiColorFormatter, text: defaultTextFormatter, json: jsonLinesFormatter }[format];
  configureSync({
    sinks: { console: getConsoleSink({ formatter }) },
    loggers: [
      { category: "gateway", sinks: ["console"], lowestLevel: config.LOG_LEVEL },
      { category: ["logtape", "meta"], sinks: ["console"], lowestLevel: "warning" },
    ],
  });
  return getLogger("gateway");
}
