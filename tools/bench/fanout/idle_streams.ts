/** Opens streams on which nothing ever happens, from a process of its own. */
import { answerCommands } from "../answer_commands.ts";
import { requestBytes } from "../load/http_connection.ts";
import { inTurns } from "../../support/concurrency.ts";
import { StreamConnection } from "./stream_connection.ts";

async function open({ port, count }: { readonly port: number; readonly count: number }): Promise<void> {
  await inTurns(count, async () => {
    const head = Promise.withResolvers<void>();
    const handlers = { onHead: head.resolve, onEvent() {}, onEnd: head.reject };
    await StreamConnection.open(port, requestBytes("/", "x".repeat(200)), handlers);
    await head.promise;
  });
}

await answerCommands({ open });
