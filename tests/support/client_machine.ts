/** Platform of client commands, with a fake gateway as its network. */
import { type Answerer, fetchOf, KEY } from "./fake_gateway.ts";
import { fakePlatform } from "./platform.ts";

/** Creates the platform, with `GATEWAY_KEY` and `GATEWAY_URL`. */
export function clientMachine(
  args: readonly string[],
  answers: readonly Answerer[],
) {
  const stopped = Promise.withResolvers<void>();
  const { fetch, requests } = fetchOf(answers);
  const notices: string[] = [];
  const env: Record<string, string> = { GATEWAY_KEY: KEY, GATEWAY_URL: "http://gateway" };
  const platform = fakePlatform({
    args,
    fetch,
    env: (name) => env[name],
    files: { ...Deno, readTextFile: () => Promise.reject(new Deno.errors.NotFound()) },
    printError: (line) => void notices.push(line),
    untilStopped: () => stopped.promise,
  });
  return { platform, requests, notices, stop: stopped.resolve };
}
