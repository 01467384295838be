/** Free ports and TCP servers on loopback. */

/** Returns a free port. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
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
