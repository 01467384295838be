/** The Admin page of a real gateway: devices, links, changes, refusals, and who is kept out. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { GatewayClient, pair } from "../../src/client/gateway_client.ts";
import { until } from "../support/deadline.ts";
import { spawnMain } from "../support/gateway_process.ts";
import { freePort } from "../support/loopback.ts";
import { needing } from "../support/needs.ts";
import { LOOKS, NEEDS, type OpenedPage, type OpenOptions, useBrowser } from "./support/browser.ts";
import { startHome, type TestHome } from "./support/home.ts";

const openPage = useBrowser();
const port = freePort();

let started: TestHome | undefined;

Deno.test.beforeAll(async () => {
  if (NEEDS.chromium !== undefined) started = await startHome({ METRICS_PORT: String(port) });
});

Deno.test.afterAll(async () => await started?.[Symbol.asyncDispose]());

function theHome(): TestHome {
  if (started === undefined) throw new Error("The home is not started");
  return started;
}

/** Defines a test; gateway and browser run on after it. */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ ...needing(name, NEEDS), sanitizeOps: false, sanitizeResources: false, fn });
}

/** Runs the command `admin` on the gateway's machine. */
async function runAdmin(): Promise<{ readonly success: boolean; readonly text: string }> {
  const { gateway } = theHome();
  const { success, stdout, stderr } = await spawnMain(["admin"], {
    directory: gateway.directory,
    env: { PUBLIC_URL: gateway.url, METRICS_PORT: String(port) },
  }).output();
  return { success, text: [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("") };
}

/** Publishes, and returns the status, or the name of the error. */
async function publish(client: GatewayClient, topic: string): Promise<number | string> {
  try {
    return (await client.publish(topic, "on")).status;
  } catch (error) {
    return error instanceof Error ? error.name : "";
  }
}

/** Opens the page by the link that the command prints. */
async function openAdmin(options: OpenOptions = {}): Promise<OpenedPage & { readonly token: string }> {
  const { text } = await runAdmin();
  const [link = "", token = ""] = /http:\/\/127\.0\.0\.1:\d+\/admin\/#token=([0-9a-f]{64})\S*/.exec(text) ?? [];
  const opened = await openPage(link, options);
  await opened.page.locator(".screen h1").waitFor();
  return { ...opened, token };
}

test("a device that is added pairs by its link, is changed, and is removed", async () => {
  await using opened = await openAdmin();
  const { page, token } = opened;
  assertEquals(new URL(page.url()).hash, "#/devices");
  await page.getByRole("button", { name: "Add a device" }).click();
  const dialog = page.locator("dialog[open]");
  await dialog.getByLabel("Name").fill("two words");
  await dialog.getByLabel(/^Address/).fill(theHome().gateway.url);
  await dialog.getByRole("button", { name: "Make the link" }).click();
  assertMatch(await dialog.getByRole("alert").innerText(), /"two words" must be 1 to 64 letters/);
  assertEquals(await opened.checkAccessibility(), []);
  await opened.screenshot("admin-form");
  await dialog.getByLabel("Name").fill("tablet");
  await dialog.getByRole("button", { name: "Choose" }).click();
  await dialog.getByText("mqtt", { exact: true }).click();
  await dialog.getByLabel("publish", { exact: true }).fill("home/hall/#\nhome/attic/#");
  await dialog.getByRole("button", { name: "Make the link" }).click();

  await page.getByRole("img", { name: "QR code that pairs “tablet”" }).waitFor();
  assertEquals(await opened.checkAccessibility(), []);
  await opened.screenshot("admin-offer");
  const link = await dialog.getByLabel("Pairing link").inputValue();
  const key = await pair(link, { label: "Anna's tablet" });
  await dialog.getByText("“tablet” has paired").waitFor();
  await opened.screenshot("admin-paired");
  await dialog.getByRole("button", { name: "Close" }).last().click();

  const client = new GatewayClient({ url: key.url, key: key.key });
  assertEquals(await publish(client, "home/hall/light"), 200);
  assertEquals(await publish(client, "home/cellar/light"), "ScopeError");
  await page.reload();
  const card = page.getByRole("region", { name: "tablet" });
  await card.getByText("Anna's tablet").waitFor();
  await card.getByText(/mqtt home\/cellar\/light · refused/).waitFor();
  await card.getByText("What it may do").click();
  await card.getByText("home/hall/#, home/attic/#").waitFor();
  assertEquals(await opened.checkAccessibility(), []);
  await opened.screenshot("admin-devices");

  await card.getByRole("button", { name: "Change" }).click();
  await dialog.getByText("mqtt", { exact: true }).click();
  await dialog.getByLabel("publish", { exact: true }).fill("home/cellar/#");
  await dialog.getByLabel("Expires").selectOption("2h");
  await opened.screenshot("admin-change");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("“tablet” is changed").waitFor();
  await dialog.waitFor({ state: "detached" });
  assertEquals(await publish(client, "home/cellar/light"), 200);
  assertEquals(await publish(client, "home/hall/light"), "ScopeError");

  await card.getByRole("button", { name: "Disable" }).click();
  await card.getByText("Disabled").waitFor();
  await card.getByRole("button", { name: "Enable" }).click();
  await card.getByText("Active").waitFor();

  await card.getByRole("button", { name: "Remove" }).click();
  await dialog.getByRole("button", { name: "Remove" }).click();
  await card.waitFor({ state: "detached" });
  assertMatch(
    (await client.publish("home/cellar/light", "on").catch((error) => ({ status: String(error) }))).status.toString(),
    /key/i,
  );
  assertEquals(opened.faults.filter((fault) => !/422/.test(fault)), []);
  assert(!theHome().gateway.output.text.includes(token));
});
