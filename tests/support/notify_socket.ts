/** Socket of a service manager. */
import { until } from "./deadline.ts";

/** Listening datagram socket. */
export interface NotifySocket extends AsyncDisposable {
  /** Messages received so far. */
  readonly messages: readonly string[];
  /** Waits for a message with a line. */
  untilReceived(line: string): Promise<void>;
}

/** Opens a socket at a path. */
export function openNotifySocket(path: string): NotifySocket {
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  const messages: string[] = [];
  const reading = (async () => {
    for await (const [bytes] of socket) messages.push(new TextDecoder().decode(bytes));
  })();
  return {
    messages,
    untilReceived: (line) =>
      until(`received ${line}`, () => messages.some((message) => message.split("\n").includes(line))),
    async [Symbol.asyncDispose]() {
      socket.close();
      await reading;
    },
  };
}
