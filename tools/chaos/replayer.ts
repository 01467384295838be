/** Somebody on the way who records sealed requests, and sends them again to have something run twice. */

interface Recorded {
  readonly url: string;
  readonly body: string;
  /** Whether the gateway took it. */
  wasTaken: boolean;
}

/** Longest wait for an answer to a recorded request, in milliseconds. */
const TIMEOUT_MS = 4000;

/** How many are sent again at a time. */
const AT_ONCE = 8;

/** Records what passes through its `fetch`. */
export class Recorder {
  readonly #recorded: Recorded[] = [];

  /** How many requests it has. */
  get size(): number {
    return this.#recorded.length;
  }

  /** Sends requests on as they are, and keeps a copy of those that make something happen. */
  readonly fetch: typeof fetch = async (input, init) => {
    const url = String(input);
    const body = init?.body;
    const recorded = typeof body === "string" && !url.endsWith("/mqtt/subscribe")
      ? { url, body, wasTaken: false }
      : undefined;
    if (recorded !== undefined) this.#recorded.push(recorded);
    const response = await fetch(input, init);
    if (recorded !== undefined) recorded.wasTaken = response.ok;
    return response;
  };

  /** Sends the last ones again that the gateway took. */
  async repeatLast(count: number): Promise<void> {
    await repeat(this.#recorded.slice(-count).filter(({ wasTaken }) => wasTaken));
  }

  /** Sends everything again, also what the gateway never got. */
  async repeatAll(): Promise<void> {
    await repeat([...this.#recorded]);
  }
}

async function repeat(waiting: Recorded[]): Promise<void> {
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await send(next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** What comes back is of no interest: what runs is counted elsewhere. */
async function send({ url, body }: Recorded): Promise<void> {
  try {
    const response = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(TIMEOUT_MS) });
    await response.text();
  } catch {
    // Something is broken just now.
  }
}
