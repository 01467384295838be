/**
 * Connection of the page to one home: requests, and one stream for each service.
 *
 * @module
 */
import { computed, type Signal, signal } from "@preact/signals";
import { GatewayClient, GatewayError, type JeedomEvent, WrongKeyError } from "@e2e-gateway/client";
import { Backoff } from "../../lib/backoff.ts";
import { type Clock, SYSTEM_CLOCK } from "../../lib/clock.ts";
import type { Home } from "../homes/home.ts";
import type { Observable } from "../observable.ts";
import { type DeviceInfo, parseDeviceInfo } from "./device_info.ts";
import { ExchangeRecorder, type LastExchange } from "./last_exchange.ts";
import { isAnswer } from "./failures.ts";
import { HomeStreams, type StreamCounts, type StreamService } from "./home_streams.ts";
import { secretKeyOf } from "./secret_key.ts";
import type { Subscription } from "./shared_stream.ts";
import { after, type Facts, initialFacts, type Occurrence, type Status, statusOf } from "./status.ts";

/** Home, and what the page knew of it when it was last open. */
export interface ConnectionOptions {
  /** Home to connect to. */
  readonly home: Home;
  /** Description of the key, from the last time. */
  readonly device?: DeviceInfo | undefined;
  /** Time of the last contact, in milliseconds since 1970. */
  readonly lastContact?: number | undefined;
  /** Called with each new description of the key. */
  readonly onDevice?: ((device: DeviceInfo) => void) | undefined;
  /** Sends HTTP requests. */
  readonly fetch: typeof fetch;
  /** Clock; the platform's by default. */
  readonly clock?: Clock | undefined;
}

/** Time between two questions whether key and gateway are still there, in milliseconds. */
const CHECK_MS = 30_000;

/** Longest wait for the answer to that question, in milliseconds. */
const CHECK_TIMEOUT_MS = 10_000;

/** Longest wait of Jeedom for an event, in seconds: a poll that the page gives up occupies it for as long. */
const LONG_POLLING_SECONDS = 20;

/** Connection to one home. Close it when another home is opened. */
export class Connection {
  /** Home that it is connected to. */
  readonly home: Home;
  readonly #facts: Signal<Facts>;
  readonly #device: Signal<DeviceInfo | undefined>;
  readonly #exchange = signal<LastExchange | undefined>(undefined);
  readonly #clockDifference = signal<number | undefined>(undefined);
  /** Status as people see it. */
  readonly status: Observable<Status>;
  readonly #client: GatewayClient;
  /** Client of streams and polls, which run beside requests: the recorder could mix them up. */
  readonly #streamClient: GatewayClient;
  readonly #recorder: ExchangeRecorder;
  readonly #streams: HomeStreams;
  readonly #onDevice: ((device: DeviceInfo) => void) | undefined;
  readonly #clock: Clock;
  readonly #backoff = new Backoff(Math.random);
  #isVisible = false;
  #isClosed = false;
  #cancelCheck = () => {};

  /** Makes a connection that sends nothing until it becomes visible. */
  constructor({ home, device, lastContact, onDevice, fetch, clock = SYSTEM_CLOCK }: ConnectionOptions) {
    this.home = home;
    this.#clock = clock;
    this.#onDevice = onDevice;
    this.#facts = signal<Facts>(initialFacts(lastContact));
    this.#device = signal<DeviceInfo | undefined>(device);
    this.status = computed(() => statusOf(this.#facts.value));
    this.#recorder = new ExchangeRecorder({ fetch, record: (exchange) => this.#exchange.value = exchange });
    // A paired gateway speaks version 2: no attacker in between can downgrade this device.
    const options = { url: home.base, key: secretKeyOf(home), keyName: home.name, protocol: 2, clock } as const;
    this.#client = new GatewayClient({ ...options, fetch: this.#recorder.fetch });
    this.#streamClient = new GatewayClient({ ...options, fetch });
    this.#streams = new HomeStreams({
      client: this.#streamClient,
      clock,
      onOccurrence: (occurrence) => this.#note(occurrence),
      onFailed: (error) => this.#noteFailure(error),
      onInterrupted: () => void this.check(),
    });
  }

  /** Description of the key; undefined until the gateway answered, and for a gateway that has none. */
  get device(): Observable<DeviceInfo | undefined> {
    return this.#device;
  }

  /** Numbers of gaps and resumes. */
  get counts(): Observable<StreamCounts> {
    return this.#streams.counts;
  }

  /** Last request beside its envelope. */
  get lastExchange(): Observable<LastExchange | undefined> {
    return this.#exchange;
  }

  /** Lead of the gateway's clock over this device's, in milliseconds. */
  get clockDifference(): Observable<number | undefined> {
    return this.#clockDifference;
  }

  /**
   * Sends a request, and learns from its outcome whether the gateway can be reached.
   *
   * @param request fields of the request, to show it beside its envelope
   * @throws {GatewayError} as the client does
   */
  async request<T>(
    request: Readonly<Record<string, unknown>>,
    work: (client: GatewayClient) => Promise<T>,
  ): Promise<T> {
    try {
      const result = await this.#recorder.observe(request, () => work(this.#client));
      this.#answered();
      return result;
    } catch (error) {
      if (isAnswer(error)) this.#answered();
      else this.#noteFailure(error);
      throw error;
    }
  }

  /** Listens to a service. Returns a function that ends it. */
  subscribe(service: StreamService, subscription: Subscription): () => void {
    return this.#streams.subscribe(service, subscription);
  }

  /**
   * Yields the events of Jeedom until the signal aborts.
   *
   * @param since time of Jeedom's clock after which they begin, in seconds; now where it is undefined
   * @throws {GatewayError} as the client does
   */
  jeedomEvents(
    { signal, since }: { readonly signal: AbortSignal; readonly since: number | undefined },
  ): AsyncGenerator<JeedomEvent, void> {
    return this.#streamClient.jeedomEvents({ signal, since, longPolling: LONG_POLLING_SECONDS });
  }

  /** Says whether the page can be seen: streams are closed while it cannot. */
  setVisible(isVisible: boolean): void {
    if (isVisible === this.#isVisible || this.#isClosed) return;
    this.#isVisible = isVisible;
    this.#cancelCheck();
    if (isVisible) {
      this.#streams.resume();
      void this.check();
    } else this.#streams.pause();
  }

  /** Asks at once whether gateway and key are there, and what the key may do. */
  async check(): Promise<void> {
    this.#cancelCheck();
    try {
      await this.refreshDevice();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
    }
    if (this.#isClosed || !this.#isVisible) return;
    const { kind } = this.status.value;
    const waitMs = kind === "offline" || kind === "connecting" ? this.#backoff.next() : CHECK_MS;
    this.#cancelCheck();
    this.#cancelCheck = this.#clock.after(waitMs, () => void this.check());
  }

  /**
   * Asks what the key may do.
   *
   * @throws {GatewayError} if there is no answer
   */
  async refreshDevice(): Promise<void> {
    const request = { service: "device" };
    const startedAt = this.#clock.monotonic();
    const answer = await this.request(
      request,
      (client) => client.call("device", {}, { timeout: CHECK_TIMEOUT_MS }),
    );
    // Other requests also wait for a service: this one tells how far the gateway is.
    const latencyMs = this.#clock.monotonic() - startedAt;
    this.#note({ type: "answered", at: this.#clock.now(), latencyMs });
    this.#clockDifference.value = answer.timestamp * 1000 - this.#clock.now();
    const device = parseDeviceInfo(answer);
    if (device === undefined) return;
    this.#device.value = device;
    this.#onDevice?.(device);
  }

  /** Ends everything. */
  close(): void {
    this.setVisible(false);
    this.#isClosed = true;
  }

  #answered(): void {
    const { kind } = this.status.value;
    this.#backoff.reset();
    this.#note({ type: "answered", at: this.#clock.now() });
    const wasCutOff = kind === "offline" || kind === "revoked";
    if (wasCutOff && this.#isVisible) this.#streams.retryNow();
  }

  #noteFailure(error: unknown): void {
    if (error instanceof WrongKeyError) this.#note({ type: "refused" });
    else if (error instanceof GatewayError && !isAnswer(error)) this.#note({ type: "unreachable" });
  }

  #note(occurrence: Occurrence): void {
    if (!this.#isClosed) this.#facts.value = after(this.#facts.peek(), occurrence);
  }
}
