/**
 * Check of push messages: the devices and the queue, as reported on the metrics port, and their push services.
 *
 * @module
 */
import { z } from "zod";
import { isKeyName } from "../../keys/schema.ts";
import { ask } from "../../lib/http_probe.ts";
import { tryParseJson } from "../../lib/json.ts";
import { type Check, combineFindings, failed, type Finding, ok, skipped, warning } from "../check.ts";
import type { DoctorContext } from "../context.ts";

/** Check of push messages. */
export const PUSH: Check = {
  name: "push",
  async run(context, signal) {
    const { config: { metrics: { host, port }, push, server }, localUrl, machine, now } = context;
    if (push.delivery === "off") return skipped("PUSH is off: no device is told of anything while it sleeps");
    if (port === "off" || port === 0) return skipped("Only the metrics port shows the devices: set METRICS_PORT");
    const reply = await ask(`${localUrl({ host, port, tlsCertFile: undefined })}/push`, {
      fetch: machine.fetch,
      now,
      signal,
    });
    const status = reply.kind === "reply" && reply.status === 200
      ? ANSWER.safeParse(tryParseJson(reply.text)).data
      : undefined;
    if (status === undefined) return skipped(`No gateway of this version answers on port ${port}: see metrics`);
    if (!status.enabled) return failed("No push messages are sent", "The gateway's log says why: vapid_key.json");
    if (status.devices.length === 0) return ok("No device is subscribed to push messages");
    const isNamed = push.subject !== undefined || server.publicUrl?.protocol === "https:";
    const hosts = [...new Set(status.devices.map((device) => device.host))];
    return combineFindings([
      describe(status),
      ...isNamed ? [] : [
        warning(
          "Nothing names you to the push services: Apple's refuses such messages",
          "Set PUSH_SUBJECT or PUBLIC_URL",
        ),
      ],
      ...await Promise.all(hosts.map((one) => reach(one, context, signal))),
    ]);
  },
};

/** Age from which the oldest message shows that something is wrong, in seconds. */
const STUCK_SECONDS = 300;

const ISO_TIME = /^\d{4}-\d\d-\d\dT[\d:.]{8,12}Z$/;

const time = z.string().regex(ISO_TIME).optional();

/** Answer of the metrics port. Text of another program on the port must not reach the terminal. */
const ANSWER = z.object({
  enabled: z.boolean(),
  queue: z.int().min(0),
  oldestSeconds: z.number().min(0),
  devices: z.array(z.object({
    key: z.string().refine(isKeyName),
    id: z.string().regex(/^[0-9a-f]{16}$/),
    host: z.string().regex(/^[\w.:[\]-]{1,260}$/),
    lastSuccess: time,
    lastFailure: time,
  })),
});

function describe({ queue, oldestSeconds, devices }: z.infer<typeof ANSWER>): Finding {
  const lines = devices.map(({ key, id, host, lastSuccess, lastFailure }) =>
    `${key} (${id}) at ${host}: last success ${lastSuccess ?? "never"}` +
    (lastFailure === undefined ? "" : `, last failure ${lastFailure}`)
  );
  const text = [`${queue} push messages wait`, ...lines].join("\n");
  if (queue > 0 && oldestSeconds >= STUCK_SECONDS) {
    return warning(
      `${text}\nThe oldest waits for ${Math.round(oldestSeconds / 60)} minutes`,
      "The gateway's log names the push service and the reason; a test: deno task push test ID",
    );
  }
  return ok(`${text}\nA test, with the key of a device: deno task push test ID`);
}

/** Returns a failure unless a push service answers something. */
async function reach(host: string, { machine, now }: DoctorContext, signal: AbortSignal): Promise<Finding> {
  const answer = await ask(`https://${host}/`, { fetch: machine.fetch, now, signal });
  return answer.kind === "reply"
    ? ok(`${host} answers`)
    : failed(`The push service ${host} cannot be reached: ${answer.message}`, `Allow connections to ${host}`);
}
