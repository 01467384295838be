/**
 * Entries that wait to be appended to the log.
 *
 * @module
 */
import type { LogEntry } from "./event_log.ts";

/** Most entries that wait, and that are appended in one step. */
const MAX_WAITING_ENTRIES = 1000;

/** Most bytes of entries that wait; one entry may exceed it. */
const MAX_WAITING_BYTES = 2 ** 20;

/** Most bytes of entries that are appended in one step, as a slow connection takes long for it; one entry may exceed it. */
const MAX_STEP_BYTES = 2 ** 17;

/** Memory of an entry beside topic and payload, in bytes. */
const ENTRY_BYTES = 256;

/** Entry with the functions that report its outcome, if they are needed. */
interface Waiting {
  readonly entry: LogEntry;
  readonly bytes: number;
  readonly appended?: PromiseWithResolvers<void>;
}

/** Configuration of a queue. */
export interface AppendQueueOptions {
  /** Appends entries, all or none. */
  readonly append: (entries: readonly LogEntry[]) => Promise<unknown>;
  /** Returns whether an entry is to be appended in a step of its own. */
  readonly isAlone?: (entry: LogEntry) => boolean;
  /** Called once, if it fails: all entries that wait are dropped, and none is taken any more. */
  readonly onFailure: (error: unknown) => void;
}

/** Appends entries in order, in one step what came during the step before. */
export class AppendQueue {
  readonly #options: AppendQueueOptions;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #running: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** Makes an empty queue. */
  constructor(options: AppendQueueOptions) {
    this.#options = options;
  }

  /**
   * Adds an entry, and resolves once it is appended.
   *
   * @throws the error of the step that failed
   */
  append(entry: LogEntry): Promise<void> {
    const appended = Promise.withResolvers<void>();
    if (this.#failure !== undefined) appended.reject(this.#failure.error);
    else this.#add({ entry, bytes: entryBytes(entry), appended });
    return appended.promise;
  }

  /** Adds an entry. Returns a promise, as `append`, only if too much waits to take more before. */
  enqueue(entry: LogEntry): Promise<void> | undefined {
    const isFull = this.#waiting.length >= MAX_WAITING_ENTRIES || this.#bytes >= MAX_WAITING_BYTES;
    if (isFull || this.#failure !== undefined) return this.append(entry);
    this.#add({ entry, bytes: entryBytes(entry) });
    return undefined;
  }

  /** Resolves once no entry waits: all are appended, or it has failed. */
  async drained(): Promise<void> {
    await this.#running;
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#bytes += waiting.bytes;
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const step = this.#shiftStep();
      try {
        await this.#options.append(step.map(({ entry }) => entry));
      } catch (error) {
        this.#fail(error, step);
        break;
      }
      for (const { appended } of step) appended?.resolve();
    }
    this.#running = undefined;
  }

  /** Removes the entries of the next step. */
  #shiftStep(): readonly Waiting[] {
    const { isAlone = () => false } = this.#options;
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#waiting.slice(0, MAX_WAITING_ENTRIES)) {
      bytes += waiting.bytes;
      const alone = isAlone(waiting.entry);
      if (count > 0 && (alone || bytes > MAX_STEP_BYTES)) break;
      count += 1;
      this.#bytes -= waiting.bytes;
      if (alone) break;
    }
    return this.#waiting.splice(0, count);
  }

  #fail(error: unknown, step: readonly Waiting[]): void {
    this.#failure = { error };
    const dropped = [...step, ...this.#waiting];
    this.#waiting = [];
    this.#bytes = 0;
    for (const { appended } of dropped) appended?.reject(error);
    this.#options.onFailure(error);
  }
}

/** Returns the memory of an entry, in bytes. */
function entryBytes(entry: LogEntry): number {
  if (entry.type !== "message") return ENTRY_BYTES;
  return ENTRY_BYTES + entry.message.topic.length + entry.message.payload.length;
}
