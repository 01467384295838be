/** Ports and bare TCP servers on loopback. */

/** A port that was free a moment ago. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/** Runs a server that treats each connection as told; all are closed at the end. */
export async function withTcpServer(
  onConnect: (connection: Deno.TcpConn) => void | Promise<void>,
  test: (port: number) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: Deno.TcpConn[] = [];
  const treated: (void | Promise<void>)[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      accepted.push(connection);
      treated.push(onConnect(connection));
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
        // The test closed it.
      }
    }
    await Promise.allSettled(treated);
  }
}
