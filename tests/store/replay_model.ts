/** Replay store in its simplest form, which a test compares with the real one. */
import { TimestampRanges } from "../../src/store/timestamp_ranges.ts";

interface Stored {
  readonly kid: string;
  readonly id: string;
  readonly tag: number;
  readonly timestamp: number;
  readonly expires: number;
  isSettled: boolean;
  answer: string | undefined;
}

/** Limits of the model. */
interface ModelLimits {
  readonly memoryBytes: number;
  readonly answerBytes: number;
  readonly lifetimeMs: number;
}

/** Request: `id` has its key and its nonce. */
type ModelRequest = Pick<Stored, "kid" | "id" | "tag" | "timestamp">;

/** Outcome of a claim or a look-up. */
interface ModelOutcome {
  readonly kind: string;
  readonly isSettled?: boolean;
  readonly answer?: string | undefined;
  /** Of a first claim: settles it. */
  readonly settle?: (answer: string | undefined) => void;
}

/** List of requests that is searched, summed up and filtered anew at each step. */
export class ReplayModel {
  #stored: Stored[] = [];
  /** Requests with answers, in the order of the answers. */
  #answered: Stored[] = [];
  /** Keys with requests, in the order in which they came. */
  #keys: string[] = [];
  readonly #forgotten = new TimestampRanges();

  constructor(readonly limits: ModelLimits, readonly entryBytes: number) {}

  get usage() {
    const answers = this.#answered.reduce((sum, { answer }) => sum + (answer?.length ?? 0), 0);
    return { entries: this.#stored.length, bytes: this.#stored.length * this.entryBytes + answers };
  }

  claim(request: ModelRequest, now: number): ModelOutcome {
    const known = this.recall(request, now);
    if (known.kind === "repeat") return known;
    if (this.#stored.some(({ id }) => id === request.id)) return { kind: "nonce reused" };
    if (this.#forgotten.includes(request.timestamp)) return { kind: "forgotten" };
    const { memoryBytes, lifetimeMs } = this.limits;
    const own = this.#stored.filter(({ kid }) => kid === request.kid).length;
    const free = memoryBytes - this.#stored.length * this.entryBytes;
    if ((own + 1) * this.entryBytes > free || !this.#makeRoom(this.entryBytes)) return { kind: "full" };
    const stored: Stored = { ...request, expires: now + lifetimeMs, isSettled: false, answer: undefined };
    this.#stored.push(stored);
    if (!this.#keys.includes(request.kid)) this.#keys.push(request.kid);
    return { kind: "first", settle: (answer) => this.#settle(stored, answer) };
  }

  recall(request: ModelRequest, now: number): ModelOutcome {
    for (const { timestamp } of this.#stored.filter(({ expires }) => expires < now)) this.#forgotten.add(timestamp);
    this.#stored = this.#stored.filter(({ expires }) => expires >= now);
    this.#answered = this.#answered.filter(({ expires }) => expires >= now);
    this.#keys = this.#keys.filter((key) => this.#stored.some(({ kid }) => kid === key));
    const seen = this.#stored.find(({ id, tag }) => id === request.id && tag === request.tag);
    return seen === undefined
      ? { kind: "unknown" }
      : { kind: "repeat", isSettled: seen.isSettled, answer: seen.answer };
  }

  #settle(request: Stored, answer: string | undefined): void {
    if (!this.#stored.includes(request)) return;
    request.isSettled = true;
    const { answerBytes, memoryBytes } = this.limits;
    if (answer === undefined || answer.length > Math.min(answerBytes, memoryBytes / 4)) return;
    if (!this.#makeRoom(answer.length)) return;
    request.answer = answer;
    this.#answered.push(request);
  }

  /** Drops the oldest answer of the key with the most bytes, and of such keys of the first, until there is room. */
  #makeRoom(size: number): boolean {
    while (this.usage.bytes + size > this.limits.memoryBytes) {
      const bytesOf = (key: string) =>
        this.#answered.reduce((sum, { kid, answer }) => sum + (kid === key ? answer?.length ?? 0 : 0), 0);
      const most = Math.max(...this.#keys.map(bytesOf));
      const largest = this.#keys.find((key) => bytesOf(key) === most);
      const oldest = this.#answered.find(({ kid }) => kid === largest);
      if (oldest === undefined) return false;
      oldest.answer = undefined;
      this.#answered.splice(this.#answered.indexOf(oldest), 1);
    }
    return true;
  }
}
