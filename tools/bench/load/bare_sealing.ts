/**
 * Helper process that opens each request, executes it and seals the answer, without admission, replay store, limits,
 * rights, checks and log: the lower bound of the cost of sealing.
 */
import { connectAsync } from "mqtt";
import { randomBytes } from "../../../src/protocol/bytes.ts";
import { openEnvelope, parseEnvelope, sealEnvelope } from "../../../src/protocol/v1/envelope.ts";
import { importKey, parseKey } from "../../../src/protocol/secret_key.ts";
import { answerCommands } from "../../support/helper_process.ts";

/** Options of the server. */
export interface BareSealingOptions {
  /** 64 hexadecimal characters. */
  readonly key: string;
  readonly jeedom: string;
  readonly brokerPort: number;
}

/** Request of the generator. */
interface GeneratedRequest {
  readonly jsonrpc?: string;
  readonly params?: Record<string, unknown>;
  readonly topic?: string;
  readonly message?: string;
  readonly qos?: 0 | 1;
}

async function serve({ key, jeedom, brokerPort }: BareSealingOptions): Promise<number> {
  const secret = parseKey(key);
  if (secret === undefined) throw new Error("Key must be 64 hexadecimal characters");
  const imported = await importKey(secret);
  const broker = await connectAsync(`mqtt://127.0.0.1:${brokerPort}`, { protocolVersion: 5 });
  const headers = { "Content-Type": "application/json" };

  async function run({ jsonrpc, params, topic, message = "", qos = 0 }: GeneratedRequest): Promise<string> {
    if (topic !== undefined) {
      await broker.publishAsync(topic, message, { qos });
      return JSON.stringify(JSON.stringify({ success: true, topic, message: "Published successfully" }));
    }
    const call = { jsonrpc: "2.0", id: 99_999, method: jsonrpc, params: { apikey: "bench", ...params } };
    return await (await fetch(jeedom, { method: "POST", headers, body: JSON.stringify(call) })).text();
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const body = await run(JSON.parse(await openEnvelope(imported, parseEnvelope(await request.text()))));
    const answer = `{"status":200,"body":${body},"timestamp":${Math.floor(Date.now() / 1000)}}`;
    return new Response(await sealEnvelope(imported, answer, randomBytes));
  });
  return server.addr.port;
}

await answerCommands({ serve });
