/** Helper process that opens streams without events. */
import { postBytes } from "../../../tests/support/raw_request.ts";
import { forEachConcurrent, range } from "../../support/concurrency.ts";
import { answerCommands } from "../../support/helper_process.ts";
import { CONNECTING_LIMIT, StreamConnection } from "./stream_connection.ts";

async function open({ port, count }: { readonly port: number; readonly count: number }): Promise<void> {
  await forEachConcurrent(range(0, count), CONNECTING_LIMIT, async () => {
    const head = Promise.withResolvers<void>();
    const handlers = { onHead: head.resolve, onRecord() {}, onEnd: head.reject };
    await StreamConnection.open(port, postBytes("/", "x".repeat(200)), handlers);
    await head.promise;
  });
}

await answerCommands({ open });
