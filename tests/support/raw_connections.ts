/** Many raw TCP connections. */

/** Connections that are opened, used and closed together. */
export class RawConnections {
  readonly connections: Deno.TcpConn[] = [];

  /** Opens `count` connections, 100 at a time: fewer than the listen backlog. */
  async open(port: number, count: number): Promise<void> {
    for (let opened = 0; opened < count; opened += 100) {
      const batch = Array.from({ length: Math.min(100, count - opened) }, async () => {
        this.connections.push(await Deno.connect({ hostname: "127.0.0.1", port }));
      });
      await Promise.all(batch);
    }
  }

  /** Sends bytes on each connection; ignores closed ones. */
  async send(bytes: (index: number) => Uint8Array): Promise<void> {
    await Promise.all(this.connections.map((connection, index) => connection.write(bytes(index)).catch(() => {})));
  }

  /** Returns the HTTP status received on each connection; an empty string if it ended without an answer. */
  async statuses(): Promise<string[]> {
    return await Promise.all(this.connections.map(async (connection) => {
      const buffer = new Uint8Array(1000);
      const count = await connection.read(buffer).catch(() => null);
      return new TextDecoder().decode(buffer.subarray(0, count ?? 0)).slice(9, 12);
    }));
  }

  /** Closes all connections. */
  close(): void {
    for (const connection of this.connections.splice(0)) connection.close();
  }
}
