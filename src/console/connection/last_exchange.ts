/**
 * Last request beside its envelope: what the network sees.
 *
 * @module
 */

/** Request and answer, as they were sealed. */
export interface LastExchange {
  /** Fields of the request, without its timestamp. */
  readonly request: Readonly<Record<string, unknown>>;
  /** Path of the request. */
  readonly path: string;
  /** Sealed request. */
  readonly envelope: string;
  /** Status of the answer by HTTP, which anyone can see. */
  readonly status: number;
}

/** Recorder of the last request. Of requests at the same time it records none: it could mix them up. */
export class ExchangeRecorder {
  readonly #fetch: typeof fetch;
  readonly #record: (exchange: LastExchange) => void;
  #running = 0;
  #request: Readonly<Record<string, unknown>> | undefined;

  /** Makes a recorder. */
  constructor(options: { readonly fetch: typeof fetch; readonly record: (exchange: LastExchange) => void }) {
    this.#fetch = options.fetch;
    this.#record = options.record;
  }

  /** Runs the work that sends a request. */
  async observe<T>(request: Readonly<Record<string, unknown>>, work: () => Promise<T>): Promise<T> {
    this.#running += 1;
    this.#request = this.#running === 1 ? request : undefined;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#request = undefined;
    }
  }

  /** Sends an HTTP request, and records it if it is the only one. */
  readonly fetch: typeof fetch = async (input, init) => {
    const request = this.#request;
    // Browsers refuse to run their fetch as a method of another object.
    const send = this.#fetch;
    const response = await send(input, init);
    if (request !== undefined && request === this.#request && typeof init?.body === "string") {
      const path = new URL(String(input)).pathname;
      this.#record({ request, path, envelope: init.body, status: response.status });
    }
    return response;
  };
}
