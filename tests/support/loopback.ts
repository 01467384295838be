/** Free ports and TCP servers on loopback. */

/** First port to give away, and their number: browsers refuse 10,080, and systems choose 32,768 and more by themselves. */
const [FIRST_PORT, PORTS] = [11_000, 21_000];

/**
 * Returns a free port, at random: tests run in parallel. No other process gets it by chance, neither before it is used,
 * nor while a server that is to come back is gone.
 */
export function freePort(): number {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** Runs a test with a TCP server; closes all connections at the end. */
export async function withTcpServer(
  onConnect: (connection: Deno.TcpConn) => void | Promise<void>,
  test: (port: number) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: Deno.TcpConn[] = [];
  const handled: (void | Promise<void>)[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      accepted.push(connection);
      handled.push(onConnect(connection));
    }
  })();
  try {
    await test(listener.addr.port);
  } finally {
    listener.close();
    await serving;
    for (const connection of accepted) {
      try {
        connection.close();
      } catch {
        // It is already closed.
      }
    }
    await Promise.allSettled(handled);
  }
}
