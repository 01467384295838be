/** The socket that a service manager would listen on, and what it was told. */
import { until } from "./deadline.ts";

/** A real datagram socket. */
export interface NotifySocket extends AsyncDisposable {
  /** Everything so far, one entry for each message. */
  readonly messages: readonly string[];
  /** Waits for a message with a line; fails when it does not come. */
  told(line: string): Promise<void>;
}

/** Opens the socket. */
export function openNotifySocket(path: string): NotifySocket {
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  const messages: string[] = [];
  const reading = (async () => {
    for await (const [bytes] of socket) messages.push(new TextDecoder().decode(bytes));
  })();
  return {
    messages,
    told: (line) => until(`told ${line}`, () => messages.some((message) => message.split("\n").includes(line))),
    async [Symbol.asyncDispose]() {
      socket.close();
      await reading;
    },
  };
}
