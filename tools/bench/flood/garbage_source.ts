/** A process of its own that pours garbage on a gateway until it is killed. Arguments: port, address. */
import { pourGarbage } from "../../../tests/support/garbage.ts";

const [port = "", forwardedFor = ""] = Deno.args;
const pour = () => pourGarbage({ port: Number(port), forwardedFor, bytes: 1000 }, () => true);
await Promise.all(Array.from({ length: 4 }, pour));
