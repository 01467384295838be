/** What can happen to the disk that the keys are on. */
import { spawnMain } from "../../../tests/support/gateway_process.ts";
import { GatewayClient } from "../../../src/client/gateway_client.ts";
import { until } from "../../../tests/support/deadline.ts";
import type { Fault, Scene } from "../fault.ts";

/** Directory of the keys, and a disk for it, in bytes. */
const [DATA, DISK_BYTES] = ["data", 64 * 1024];

/** What is told where keys cannot be written. */
const UNCHANGED = /cannot be written and is unchanged|cannot be used/;

const needs = ["root"] as const;
const house = { prepare: mountDisk } as const;

/** Disk full, and read-only: a key cannot be added, no key is lost, and the gateway goes on. */
export const FILE_FAULTS: readonly Fault[] = [
  {
    name: "disk-full",
    title: "Disk of the keys full",
    needs,
    house,
    async break(scene) {
      const data = `${scene.house.directory}/${DATA}`;
      await addKey(scene, "before");
      await fill(`${data}/filler`);
      await refuseToAdd(scene);
      return async () => {
        await Deno.remove(`${data}/filler`);
        await addKey(scene, "after");
      };
    },
  },
  {
    name: "disk-read-only",
    title: "Disk of the keys read-only",
    needs,
    house,
    async break(scene) {
      const data = `${scene.house.directory}/${DATA}`;
      await addKey(scene, "before");
      await mount(["-o", "remount,ro", data]);
      await refuseToAdd(scene);
      return async () => {
        await mount(["-o", "remount,rw", data]);
        await addKey(scene, "after");
      };
    },
  },
];

/** A key that is in the file opens requests to the gateway that runs. */
async function addKey(scene: Scene, name: string): Promise<void> {
  const { code, text } = await keysAdd(scene, name);
  if (code !== 0) return scene.complain(`Key could not be added: ${text}`);
  const { url } = scene.house.gateway;
  const client = new GatewayClient({ url, key: await secretOf(scene, name), protocol: 2 });
  await until(`the gateway knows the key "${name}"`, async () => {
    try {
      return (await client.callJeedom("ping")).status === 200;
    } catch {
      return false;
    }
  });
}

async function refuseToAdd(scene: Scene): Promise<void> {
  const before = await keysText(scene);
  const failed = countFailures(scene);
  const { code, text } = await keysAdd(scene, "refused");
  if (code === 0 || !UNCHANGED.test(text)) scene.complain(`Adding a key says (exit code ${code}): ${text}`);
  if (await keysText(scene) !== before) scene.complain("The keys file is another one now");
  for await (const { name } of Deno.readDir(`${scene.house.directory}/${DATA}`)) {
    if (name.endsWith(".tmp")) scene.complain(`A copy of the keys is left: ${name}`);
  }
  // The gateway looks at the files twice a second: by then it has met the fault, too.
  const { messages } = scene.house;
  const now = performance.now();
  await until("the gateway goes on", () => messages.acknowledgedSince(now) > 0 && performance.now() > now + 1000);
  if (countFailures(scene) > failed) scene.complain("Requests failed, though no key was lost");
}

function countFailures({ house: { messages, commands } }: Scene): number {
  const counts = [messages, commands].flatMap((ledger) => [...ledger.failures().values()]);
  return counts.reduce((sum, count) => sum + count, 0);
}

async function keysAdd({ house: { directory, env } }: Scene, name: string): Promise<{ code: number; text: string }> {
  const { code, stderr } = await spawnMain(["keys", "add", name], { directory, env }).output();
  return { code, text: new TextDecoder().decode(stderr).trim() };
}

function keysText({ house: { directory } }: Scene): Promise<string> {
  return Deno.readTextFile(`${directory}/${DATA}/keys.json`);
}

async function secretOf(scene: Scene, name: string): Promise<string> {
  const { keys }: { keys: { name: string; secret: string }[] } = JSON.parse(await keysText(scene));
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
  if (!success) throw new Error(`Disk cannot be mounted: ${new TextDecoder().decode(stderr).trim()}`);
}

/** Writes until there is no room left. */
async function fill(path: string): Promise<void> {
  using file = await Deno.open(path, { create: true, write: true });
  const block = new Uint8Array(4096);
  try {
    for (;;) await file.write(block);
  } catch (error) {
    if (!(error instanceof Error) || !/No space left/.test(error.message)) throw error;
  }
}
