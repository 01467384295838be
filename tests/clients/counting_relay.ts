/** TCP relay on loopback that counts the numbered records of streams that pass through it. */

/** Running relay. */
export interface CountingRelay extends AsyncDisposable {
  /** Address to connect to. */
  readonly url: string;
  /** Records with a number so far. */
  readonly records: number;
}

/** Starts a relay before a gateway. */
export function startCountingRelay(gatewayUrl: string): CountingRelay {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const target = { hostname: "127.0.0.1", port: Number(new URL(gatewayUrl).port) };
  const passing = new Set<Promise<void>>();
  let records = 0;
  /** End of the last chunk, which a line may go on from. */
  let rest = "";

  async function pass(client: Deno.TcpConn): Promise<void> {
    const gateway = await Deno.connect(target);
    const counter = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        const lines = (rest + new TextDecoder().decode(chunk)).split("\n");
        rest = lines.pop() ?? "";
        records += lines.filter((line) => line.startsWith("id: ")).length;
        controller.enqueue(chunk);
      },
    });
    await Promise.allSettled([
      client.readable.pipeTo(gateway.writable),
      gateway.readable.pipeThrough(counter).pipeTo(client.writable),
    ]);
  }

  const accepting = (async () => {
    for await (const client of listener) {
      const passed = pass(client).finally(() => passing.delete(passed));
      passing.add(passed);
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    get records() {
      return records;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(passing);
    },
  };
}
