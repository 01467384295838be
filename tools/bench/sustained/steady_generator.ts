/**
 * Helper process that generates load for any time: each request is sealed when it is due and each answer checked at once,
 * and nothing is kept, so that the generator itself does not slow down.
 */
import { errorText } from "../../../src/lib/errors.ts";
import type { Aead } from "../../../src/protocol/aead.ts";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../../src/protocol/v1/envelope.ts";
import { importKey, parseKey } from "../../../src/protocol/secret_key.ts";
import { answerCommands } from "../../support/helper_process.ts";
import { postBytes } from "../../../tests/support/raw_request.ts";
import { HttpConnection } from "../load/http_connection.ts";
import { checkAnswer, pathOf, requestText, type Work } from "../load/work.ts";

/** Load to generate. */
export interface SteadyLoadOptions {
  readonly port: number;
  /** The gateway's key, 64 hexadecimal characters. */
  readonly key: string;
  readonly connections: number;
}

const WORK: Work = { kind: "publish", qos: 1 };

const OCTETS = { "Content-Type": "application/octet-stream" };

function createGenerator() {
  let begun = 0;
  let checked = 0;
  let isStopped = false;
  let failure: string | undefined;
  let drives: Promise<void>[] = [];

  async function drive(connection: HttpConnection, key: Aead): Promise<void> {
    while (!isStopped && failure === undefined) {
      const number = begun++;
      const sealed = await sealEnvelope(key, requestText(WORK, number), randomBytes);
      const { status, text } = await connection.exchange(postBytes(pathOf(WORK), sealed, OCTETS));
      if (status !== 200) throw new Error(`Request ${number} got HTTP ${status}: ${text}`);
      checkAnswer(WORK, number, await openEnvelope(key, parseEnvelope(text)));
      checked += 1;
    }
    connection.close();
  }

  async function start({ port, key, connections }: SteadyLoadOptions): Promise<void> {
    const secret = parseKey(key);
    if (secret === undefined) throw new Error("Key must be 64 hexadecimal characters");
    const imported = await importKey(secret);
    const opened = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(port)));
    drives = opened.map((connection) =>
      drive(connection, imported).catch((error) => {
        failure ??= errorText(error);
      })
    );
  }

  /** Returns the number of requests that were answered and checked. */
  function count(): number {
    if (failure !== undefined) throw new Error(failure);
    return checked;
  }

  /** Ends the load after the running requests; returns the number of all. */
  async function stop(): Promise<number> {
    isStopped = true;
    await Promise.all(drives);
    return count();
  }

  return { start, count, stop };
}

await answerCommands(createGenerator());
