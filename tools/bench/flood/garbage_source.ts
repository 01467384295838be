/** Process that floods a gateway with garbage until it is killed. Arguments: port, address of the sender. */
import { sendGarbage } from "../../../tests/support/garbage.ts";

const [port = "", forwardedFor = ""] = Deno.args;
const send = () => sendGarbage({ port: Number(port), forwardedFor, bytes: 1000 }, () => true);
await Promise.all(Array.from({ length: 4 }, send));
