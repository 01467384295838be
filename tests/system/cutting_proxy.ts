/** A way to the gateway that breaks when a test says so, as in a tunnel. */

/** A proxy on loopback. */
export interface CuttingProxy {
  /** Where a client reaches the gateway through it. */
  readonly url: string;
  /** How many connections it has let through. */
  readonly connections: number;
  /** Breaks all connections; new ones are let through. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts a proxy in front of a server on loopback. */
export function startCuttingProxy(port: number): CuttingProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  let connections = 0;

  const cut = () => {
    for (const end of open) {
      open.delete(end);
      end.close();
    }
  };

  async function pass(client: Deno.TcpConn): Promise<void> {
    connections += 1;
    open.add(client);
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    open.add(server);
    const oneWay = (from: Deno.TcpConn, to: Deno.TcpConn) => from.readable.pipeTo(to.writable).catch(() => {});
    await Promise.all([oneWay(client, server), oneWay(server, client)]);
    for (const end of [client, server]) {
      open.delete(end);
      try {
        end.close();
      } catch {
        // It was cut.
      }
    }
  }

  const passing: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const client of listener) passing.push(pass(client));
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    get connections() {
      return connections;
    },
    cut,
    async close() {
      listener.close();
      cut();
      await accepting;
      await Promise.all(passing);
    },
  };
}
