/** The Admin page of a real gateway: devices, links, changes, refusals, and who is kept out. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { GatewayClient, pair } from "../../src/client/gateway_client.ts";
import { spawnMain } from "../support/gateway_process.ts";
import { freePort } from "../support/loopback.ts";
import { type OpenedPage, type OpenOptions, testPage, useBrowser } from "./support/browser.ts";
import { startHome } from "./support/home.ts";
import { useHome } from "./support/shared_home.ts";

const openPage = useBrowser();
const port = freePort();

const theHome = useHome(() => startHome({ METRICS_PORT: String(port) }));

/** Runs a command on the gateway's machine. */
async function runCommand(...args: readonly string[]): Promise<{ readonly success: boolean; readonly text: string }> {
  const { gateway } = theHome();
  const { success, stdout, stderr } = await spawnMain([...args], {
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
  const { text } = await runCommand("admin");
  const [link = "", token = ""] = /http:\/\/127\.0\.0\.1:\d+\/admin\/#token=([0-9a-f]{64})\S*/.exec(text) ?? [];
  const opened = await openPage(link, options);
  await opened.page.locator(".screen h1").waitFor();
  return { ...opened, token };
}

testPage("a device that is added pairs by its link, is changed, and is removed", async () => {
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
  await dialog.locator("summary", { hasText: "MQTT" }).click();
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
  await card.getByText("MQTT publish home/hall/# home/attic/#").waitFor();
  await card.getByText("What it may do").click();
  await card.getByText("home/hall/#, home/attic/#").waitFor();
  assertEquals(await opened.checkAccessibility(), []);
  await opened.screenshot("admin-devices");

  await card.getByRole("button", { name: "Change" }).click();
  await dialog.locator("summary", { hasText: "MQTT" }).click();
  assertEquals(await dialog.getByLabel("publish", { exact: true }).inputValue(), "home/hall/#\nhome/attic/#");
  assertEquals(await dialog.getByLabel("Expires").locator("option:checked").textContent(), "As it is: never");
  assert(await dialog.getByRole("button", { name: "Save" }).isDisabled());
  await dialog.getByLabel("publish", { exact: true }).fill("home/cellar/#");
  await dialog.getByLabel("Expires").selectOption("2h");
  assertEquals(await opened.checkAccessibility(), []);
  await opened.screenshot("admin-change");
  // Meanwhile, on the command line: what the form shows is not what the key has.
  await runCommand("keys", "set", "tablet", "--subscribe", "home/cellar/#");
  await dialog.getByRole("button", { name: "Save" }).click();
  assertMatch(await dialog.getByRole("alert").innerText(), /"tablet" was changed meanwhile/);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await card.getByRole("button", { name: "Change" }).click();
  await dialog.locator("summary", { hasText: "MQTT" }).click();
  assertEquals(await dialog.getByLabel("subscribe", { exact: true }).inputValue(), "home/cellar/#");
  await dialog.getByLabel("publish", { exact: true }).fill("home/cellar/#");
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

testPage("a guest pass is for actions that exist, gets a name and another link, and can be withdrawn", async () => {
  await using opened = await openAdmin();
  const { page } = opened;
  await page.getByRole("button", { name: "Guest pass" }).click();
  const dialog = page.locator("dialog[open]");
  await dialog.getByRole("button", { name: "Make the link" }).click();
  assertMatch(await dialog.getByRole("alert").innerText(), /A pass needs rights/);
  await dialog.getByRole("checkbox", { name: "Open the gate" }).check();
  await dialog.getByLabel("Runs, all together").fill("2");
  await dialog.getByLabel("Expires").selectOption("30m");
  assertEquals(await opened.checkAccessibility(), []);
  await opened.screenshot("admin-pass");
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const links = [await dialog.getByLabel("Pairing link").inputValue()];
  await dialog.getByRole("button", { name: "Close" }).last().click();
  const card = page.getByRole("region", { name: /^guest-/ });
  await card.getByText("May pair until").waitFor();
  await opened.screenshot("admin-waiting");
  await card.getByRole("button", { name: "New link" }).click();
  await dialog.getByRole("button", { name: "Make the link" }).click();
  links.push(await dialog.getByLabel("Pairing link").inputValue());
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await card.getByRole("button", { name: "Withdraw the link" }).click();
  await card.waitFor({ state: "detached" });
  for (const link of links) {
    assertEquals(await pair(link).then(() => "paired", ({ name }) => name), "PairingCodeError");
  }
});

testPage("a pass that two phones open at once is for one of them, and its runs are counted together", async () => {
  await using opened = await openAdmin();
  const { page } = opened;
  await page.getByRole("button", { name: "Guest pass" }).click();
  const dialog = page.locator("dialog[open]");
  await dialog.getByLabel("Name").fill("plumber");
  await dialog.getByRole("checkbox", { name: "Open the gate" }).check();
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const link = await dialog.getByLabel("Pairing link").inputValue();
  const attempts = await Promise.allSettled([pair(link), pair(link)]);
  const [key, ...others] = attempts.flatMap((attempt) => attempt.status === "fulfilled" ? [attempt.value] : []);
  assertEquals([key?.name, others], ["plumber", []]);
  await dialog.getByText("“plumber” has paired").waitFor();
  await page.keyboard.press("Escape");
  const guest = new GatewayClient({ url: key?.url ?? "", key: key?.key ?? "" });
  const run = () =>
    guest.call("action", { name: "open-gate" }).then(({ status }) => String(status), ({ name }) => name);
  const outcomes = await Promise.all([run(), run(), run(), run()]);
  assertEquals(outcomes.toSorted(), ["200", "200", "200", "ScopeError"]);
  await page.reload();
  await page.getByRole("region", { name: "plumber" }).getByText(/action open-gate · (done|refused)/).waitFor();
});

testPage("a device gets a new secret, and its old one ends once it has paired", async () => {
  await using opened = await openAdmin();
  const { page } = opened;
  await page.getByRole("button", { name: "Add a device" }).click();
  const dialog = page.locator("dialog[open]");
  await dialog.getByLabel("Name").fill("phone");
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const first = await pair(await dialog.getByLabel("Pairing link").inputValue());
  await dialog.getByText("“phone” has paired").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("region", { name: "phone" }).getByRole("button", { name: "New secret" }).click();
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const before = new GatewayClient({ url: first.url, key: first.key });
  assertEquals(await publish(before, "home/a"), 200);
  const second = await pair(await dialog.getByLabel("Pairing link").inputValue());
  await dialog.getByText("“phone” has paired").waitFor();
  assertEquals(await publish(before, "home/a"), "WrongKeyError");
  assertEquals(await publish(new GatewayClient({ url: second.url, key: second.key }), "home/a"), 200);
});

testPage("refused requests and the checks of the doctor are shown", async () => {
  await using opened = await openAdmin();
  const { page } = opened;
  const stranger = new GatewayClient({ url: theHome().gateway.url, key: "00".repeat(32) });
  await publish(stranger, "home/a");
  await page.getByRole("link", { name: "Refusals" }).click();
  await page.getByRole("region", { name: "Unknown key" }).waitFor();
  assertEquals(await opened.checkAccessibility(), []);
  await opened.screenshot("admin-refusals");
  await page.getByRole("link", { name: "Checks" }).click();
  await opened.screenshot("admin-checks-empty");
  await page.getByRole("button", { name: "Run the checks" }).click();
  await page.getByRole("region", { name: "keys", exact: true }).waitFor({ timeout: 20_000 });
  await page.getByRole("region", { name: "gateway", exact: true }).waitFor();
  assertEquals(await opened.checkAccessibility(), []);
  await opened.screenshot("admin-checks");
  assertEquals(opened.faults, []);
});

testPage("every screen is accessible, and fits, in every look, in French, too", async () => {
  for (const locale of ["en-GB", "fr-FR"]) {
    await using opened = await openAdmin({ locale });
    const { page } = opened;
    for (const screen of ["refusals", "checks", "devices"]) {
      await page.locator(`nav a[href="#/${screen}"]`).click();
      await page.locator(`nav a[aria-current][href="#/${screen}"]`).waitFor();
      await page.locator(".loading").waitFor({ state: "detached" });
      assertEquals(await opened.checkLooks(`admin-${screen}-${locale}`), []);
    }
    const dialog = page.locator("dialog[open]");
    for (const [index, form] of ["form", "pass"].entries()) {
      await page.locator(".head .button").nth(index).click();
      await dialog.waitFor();
      assertEquals(await opened.checkLooks(`admin-${form}-${locale}`), []);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    }
    assertEquals(opened.faults, []);
  }
});

testPage("the language is chosen on the page, and kept", async () => {
  await using opened = await openAdmin();
  const { page } = opened;
  await page.getByRole("button", { name: "Français" }).click();
  await page.getByRole("heading", { name: "Appareils" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Appareils" }).waitFor();
  assertEquals(await page.evaluate("document.documentElement.lang"), "fr");
});

testPage("a tab without the link, or with a wrong one, shows how to get it, and nothing else", async () => {
  for (const fragment of ["", `#token=${"0".repeat(64)}`]) {
    await using opened = await openPage(`http://127.0.0.1:${port}/admin/${fragment}`);
    await opened.page.getByText("deno task admin").waitFor();
    assertEquals(await opened.page.locator(".card").count(), 0);
    assertEquals(await opened.checkAccessibility(), []);
    await opened.screenshot("admin-stopped");
  }
});

testPage("the public port has no Admin page, and a page of another port of this machine is refused", async () => {
  const admin = `http://127.0.0.1:${port}/admin`;
  assertEquals(await statusOf(fetch(`${theHome().url}admin/`)), 404);
  const { text } = await runCommand("admin");
  const [, token = ""] = /#token=([0-9a-f]{64})/.exec(text) ?? [];
  await using opened = await openPage(theHome().url);
  // The page of devices may not connect to another port at all: a plain page may, and is refused.
  await opened.page.goto(`${theHome().url}health`);
  const outcome = await opened.page.evaluate(
    async ([address = "", token = ""]) => {
      const send = (init: RequestInit) =>
        fetch(`${address}/api/keys`, init).then(({ status }) => String(status), () => "refused");
      return [await send({}), await send({ headers: { Authorization: `Bearer ${token}` } })];
    },
    [admin, token],
  );
  assertEquals(outcome, ["refused", "refused"]);
  opened.faults.splice(0);
});

testPage("the command admin gives no link to a program that does not know the token", async () => {
  const other = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => Response.json({ proof: "00" }));
  const { success, stdout, stderr } = await spawnMain(["admin"], {
    directory: theHome().gateway.directory,
    env: { METRICS_PORT: String(other.addr.port) },
  }).output();
  await other.shutdown();
  assertEquals([success, stdout.length], [false, 0]);
  assertMatch(new TextDecoder().decode(stderr), /is no gateway with these key files/);
});

async function statusOf(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  await response.body?.cancel();
  return response.status;
}
