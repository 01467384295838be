/** Proxy to a gateway whose connections are cut again and again. */
import { withTcpServer } from "../support/loopback.ts";

/** Runs a test with the address of a proxy that passes only that many bytes of each answer. */
export function withCuttingProxy(
  { url, answerBytes }: { readonly url: string; readonly answerBytes: number },
  test: (url: string) => Promise<void>,
): Promise<void> {
  async function join(client: Deno.TcpConn): Promise<void> {
    const { hostname, port } = new URL(url);
    const gateway = await Deno.connect({ hostname, port: Number(port) });
    const cut = () => [client, gateway].forEach(close);
    await Promise.allSettled([
      copy(client, gateway).finally(cut),
      copy(gateway, client, answerBytes).finally(cut),
    ]);
  }

  return withTcpServer(join, (port) => test(`http://127.0.0.1:${port}`));
}

async function copy(from: Deno.TcpConn, to: Deno.TcpConn, bytes = Infinity): Promise<void> {
  const buffer = new Uint8Array(512);
  for (let rest = bytes; rest > 0;) {
    const count = await from.read(buffer.subarray(0, Math.min(rest, buffer.length)));
    if (count === null) return;
    for (let sent = 0; sent < count;) sent += await to.write(buffer.subarray(sent, count));
    rest -= count;
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // The other direction closed it.
  }
}
