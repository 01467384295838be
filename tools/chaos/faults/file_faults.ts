/** Faults of the disk with the key files. */
import { spawnMain } from "../../../tests/support/gateway_process.ts";
import { GatewayClient } from "../../../src/client/gateway_client.ts";
import { until } from "../../../tests/support/deadline.ts";
import type { Fault, FaultContext } from "../fault.ts";

/** Directory of the key files, and the size of its disk in bytes. */
const [DATA, DISK_BYTES] = ["data", 64 * 1024];

/** Error of `keys add` if the keys file cannot be written. */
const WRITE_ERROR = /cannot be written and is unchanged|cannot be used/;

const needs = ["root"] as const;
const environment = { prepare: mountDisk } as const;

/** Full and read-only disk: `keys add` fails, no key is lost, and the gateway continues. */
export const FILE_FAULTS: readonly Fault[] = [
  {
    name: "disk-full",
    title: "Disk of the key files full",
    needs,
    environment,
    async inject(context) {
      const data = `${context.environment.directory}/${DATA}`;
      await addKey(context, "before");
      await fill(`${data}/filler`);
      await assertAddFails(context);
      return async () => {
        await Deno.remove(`${data}/filler`);
        await addKey(context, "after");
      };
    },
  },
  {
    name: "disk-read-only",
    title: "Disk of the key files read-only",
    needs,
    environment,
    async inject(context) {
      const data = `${context.environment.directory}/${DATA}`;
      await addKey(context, "before");
      await mount(["-o", "remount,ro", data]);
      await assertAddFails(context);
      return async () => {
        await mount(["-o", "remount,rw", data]);
        await addKey(context, "after");
      };
    },
  },
];

/** Adds a key, and waits until the running gateway accepts it. */
async function addKey(context: FaultContext, name: string): Promise<void> {
  const { code, text } = await keysAdd(context, name);
  if (code !== 0) return context.fail(`keys add failed: ${text}`);
  const { url } = context.environment.gateway;
  const client = new GatewayClient({ url, key: await secretOf(context, name), protocol: 2 });
  await until(`the gateway accepts the key "${name}"`, async () => {
    try {
      return (await client.callJeedom("ping")).status === 200;
    } catch {
      return false;
    }
  });
}

async function assertAddFails(context: FaultContext): Promise<void> {
  const before = await keysText(context);
  const failed = countFailures(context);
  const { code, text } = await keysAdd(context, "refused");
  if (code === 0 || !WRITE_ERROR.test(text)) context.fail(`keys add exited with code ${code}: ${text}`);
  if (await keysText(context) !== before) context.fail("The keys file has changed");
  for await (const { name } of Deno.readDir(`${context.environment.directory}/${DATA}`)) {
    if (name.endsWith(".tmp")) context.fail(`A temporary copy of the keys file is left: ${name}`);
  }
  // The gateway checks the files twice a second: after that time it has met the fault, too.
  const { messages } = context.environment;
  const now = performance.now();
  await until("the gateway continues", () => messages.acknowledgedSince(now) > 0 && performance.now() > now + 1000);
  if (countFailures(context) > failed) context.fail("Requests failed although no key was lost");
}

function countFailures({ environment: { messages, commands } }: FaultContext): number {
  const counts = [messages, commands].flatMap((tracker) => [...tracker.failures().values()]);
  return counts.reduce((sum, count) => sum + count, 0);
}

async function keysAdd(
  { environment: { directory, env } }: FaultContext,
  name: string,
): Promise<{ code: number; text: string }> {
  const { code, stderr } = await spawnMain(["keys", "add", name], { directory, env }).output();
  return { code, text: new TextDecoder().decode(stderr).trim() };
}

function keysText({ environment: { directory } }: FaultContext): Promise<string> {
  return Deno.readTextFile(`${directory}/${DATA}/keys.json`);
}

async function secretOf(context: FaultContext, name: string): Promise<string> {
  const { keys }: { keys: { name: string; secret: string }[] } = JSON.parse(await keysText(context));
  return keys.find((key) => key.name === name)?.secret ?? "";
}

async function mountDisk(directory: string): Promise<() => Promise<void>> {
  const data = `${directory}/${DATA}`;
  await Deno.mkdir(data);
  await mount(["-t", "tmpfs", "-o", `size=${DISK_BYTES},mode=700`, "tmpfs", data]);
  return async () => void await new Deno.Command("umount", { args: [data] }).output();
}

async function mount(args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("mount", { args }).output();
  if (!success) throw new Error(`Cannot mount the disk: ${new TextDecoder().decode(stderr).trim()}`);
}

/** Writes until the disk is full. */
async function fill(path: string): Promise<void> {
  using file = await Deno.open(path, { create: true, write: true });
  const block = new Uint8Array(4096);
  try {
    for (;;) await file.write(block);
  } catch (error) {
    if (!(error instanceof Error) || !/No space left/.test(error.message)) throw error;
  }
}
