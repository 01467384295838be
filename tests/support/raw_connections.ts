/** Many raw connections of one client. */

/** Connections that are all closed at the end. */
export class RawConnections {
  readonly connections: Deno.TcpConn[] = [];

  /** Opens so many, some at a time: a listener has room for few that wait. */
  async open(port: number, count: number): Promise<void> {
    for (let opened = 0; opened < count; opened += 100) {
      const some = Array.from({ length: Math.min(100, count - opened) }, async () => {
        this.connections.push(await Deno.connect({ hostname: "127.0.0.1", port }));
      });
      await Promise.all(some);
    }
  }

  /** Sends something on each; what was cut off meanwhile is left out. */
  async send(bytes: (index: number) => Uint8Array): Promise<void> {
    await Promise.all(this.connections.map((connection, index) => connection.write(bytes(index)).catch(() => {})));
  }

  /** Reads the status of the answer on each; an empty text where the connection ended without one. */
  async statuses(): Promise<string[]> {
    return await Promise.all(this.connections.map(async (connection) => {
      const buffer = new Uint8Array(1000);
      const count = await connection.read(buffer).catch(() => null);
      return new TextDecoder().decode(buffer.subarray(0, count ?? 0)).slice(9, 12);
    }));
  }

  /** Closes all. */
  close(): void {
    for (const connection of this.connections.splice(0)) connection.close();
  }
}
