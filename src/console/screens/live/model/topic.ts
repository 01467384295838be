/**
 * Topic, with its newest value and the messages of it that are kept.
 *
 * @module
 */
import { isObject, tryParseJson } from "../../../../lib/json.ts";
import type { StreamService } from "../../../connection/home_streams.ts";
import { visibleText } from "../../../text/visible.ts";
import type { Message } from "./message.ts";
import { Rate } from "./rate.ts";
import type { TopicSeries } from "./topic_series.ts";
import { MAX_PARSED, type ValuePath } from "./value_path.ts";

/** Most characters of a value in a row. */
const MAX_PREVIEW = 120;

/** Course of a value of a topic. */
export interface WatchedValue {
  /** Path of the value in the payload. */
  readonly path: ValuePath;
  /** Course. */
  readonly series: TopicSeries;
}

/** Topic that at least one message came for. */
export class Topic {
  /** Service that it comes from. */
  readonly service: StreamService;
  /** Topic, or entity. */
  readonly name: string;
  /** Rate of its messages; retained ones do not count. */
  readonly rate = new Rate();
  /** Messages that are kept, the oldest first. */
  readonly messages: Message[] = [];
  /** Values whose course is kept. */
  readonly watched: WatchedValue[] = [];
  /** Start of the newest value, safe to show. */
  preview = "";
  /** True if the newest value is not text. */
  isBinary = false;
  /** Unit that the service gives. */
  unit = "";
  /** Time of the newest message, in milliseconds since 1970. */
  at = 0;
  /** True if the newest message was a retained one, whose own time is not known. */
  isRetained = false;
  /** Number of messages that came. */
  count = 0;

  /** Makes a topic. */
  constructor(service: StreamService, name: string) {
    this.service = service;
    this.name = name;
  }

  /** Takes what a row shows from a message. */
  show(message: Message): void {
    const { value, unit } = valueOf(message);
    // Copied character by character: a slice would keep all of a large payload in memory.
    this.preview = visibleText(
      value.length <= MAX_PREVIEW ? value : `${Array.from(value.slice(0, MAX_PREVIEW + 1)).slice(0, -1).join("")}…`,
    );
    this.isBinary = message.payload === null;
    this.unit = visibleText(unit);
    this.at = message.at;
    this.isRetained = message.isRetained;
    this.count += 1;
    if (!message.isRetained) this.rate.count(message.at);
  }
}

/** Returns the value that stands for a message: of an entity its state, of a topic the payload. */
function valueOf({ service, payload }: Message): { readonly value: string; readonly unit: string } {
  if (payload === null) return { value: "", unit: "" };
  if (service !== "home_assistant" || payload.length > MAX_PARSED) return { value: payload, unit: "" };
  const parsed = tryParseJson(payload);
  if (!isObject(parsed) || typeof parsed["state"] !== "string") return { value: payload, unit: "" };
  const attributes = isObject(parsed["attributes"]) ? parsed["attributes"] : {};
  const unit = attributes["unit_of_measurement"];
  return { value: parsed["state"], unit: typeof unit === "string" ? unit.slice(0, 20) : "" };
}
