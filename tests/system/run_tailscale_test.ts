/** Runs `run_tailscale.sh` with a fake Tailscale that records its calls. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { freePort } from "../support/loopback.ts";
import { needing } from "../support/needs.ts";
import { hasProgram } from "../support/programs.ts";

const SCRIPT = new URL("../../run_tailscale.sh", import.meta.url);

/** Programs that the script needs; the PATH has no others, in particular not Tailscale. */
const TOOLS = ["bash", "cat", "curl", "dirname"];

const CONNECTED = JSON.stringify(
  {
    Version: "1.90.0",
    BackendState: "Running",
    Self: { HostName: "house", DNSName: "house.tail1234.ts.net.", Capabilities: ["funnel"] },
    MagicDNSSuffix: "tail1234.ts.net",
    Peer: { "nodekey:1": { HostName: "phone", DNSName: "phone.tail1234.ts.net." } },
  },
  null,
  2,
);

/** The tools are assumed in CI, where their absence must fail. */
const isHere = async (tool: string) => Deno.env.get("CI") !== undefined || await hasProgram(tool);
const NEEDS = { bash: await isHere("bash"), curl: await isHere("curl") };

function scriptTest(name: string, test: () => Promise<void>): void {
  Deno.test(needing(name, NEEDS), test);
}

interface Machine {
  readonly installed?: boolean;
  /** Output of `tailscale status --json`. */
  readonly status?: string;
  /** Exit code of `tailscale status`: 1 when its service does not run. */
  readonly statusCode?: number;
  /** Exit code of `tailscale funnel`. */
  readonly funnelCode?: number;
  /** Content of the file `.env`. */
  readonly envFile?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Commands of Tailscale, other than `status`. */
  readonly commands: readonly string[];
}

async function runScript({ envFile, env = {}, args = [], ...tailscale }: Machine): Promise<Outcome> {
  const directory = await Deno.makeTempDir({ prefix: "tailscale-" });
  try {
    await Deno.copyFile(SCRIPT, `${directory}/run_tailscale.sh`);
    if (envFile !== undefined) await Deno.writeTextFile(`${directory}/.env`, envFile);
    const bin = `${directory}/bin`;
    await Deno.mkdir(bin);
    for (const tool of TOOLS) await Deno.symlink(await findTool(tool), `${bin}/${tool}`);
    if (tailscale.installed !== false) await writeStandIn(`${bin}/tailscale`, directory, tailscale);
    const { code, stdout, stderr } = await new Deno.Command(`${bin}/bash`, {
      args: [`${directory}/run_tailscale.sh`, ...args],
      clearEnv: true,
      env: { PATH: bin, ...env },
      stdin: "null",
    }).output();
    const commands = await Deno.readTextFile(`${directory}/commands`).catch(() => "");
    return {
      code,
      stdout: new TextDecoder().decode(stdout),
      stderr: new TextDecoder().decode(stderr),
      commands: commands.split("\n").filter((line) => line !== ""),
    };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function writeStandIn(
  path: string,
  directory: string,
  { status = CONNECTED, statusCode = 0, funnelCode = 0 }: Machine,
): Promise<void> {
  await Deno.writeTextFile(`${directory}/status.json`, status);
  await Deno.writeTextFile(
    path,
    [
      `#!${directory}/bin/bash`,
      `if [ "$1" = status ]; then cat "${directory}/status.json"; exit ${statusCode}; fi`,
      `echo "$*" >> "${directory}/commands"`,
      `exit ${funnelCode}`,
      "",
    ].join("\n"),
  );
  await Deno.chmod(path, 0o755);
}

async function findTool(name: string): Promise<string> {
  for (const directory of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = `${directory}/${name}`;
    const isFile = await Deno.stat(path).then((info) => info.isFile, () => false);
    if (isFile) return path;
  }
  throw new Error(`The test needs "${name}" on the PATH`);
}

/** Runs a test with a server that answers every request with a status. */
async function withGateway<T>(status: number, run: (port: string) => Promise<T>): Promise<T> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    return new Response(null, { status: new URL(url).pathname === "/health" ? status : 404 });
  });
  try {
    return await run(String(server.addr.port));
  } finally {
    await server.shutdown();
  }
}

function assertRefused(outcome: Outcome, ...texts: readonly string[]): void {
  for (const text of texts) assertStringIncludes(outcome.stderr, text);
  assertEquals(outcome.code, 1);
  assertEquals(outcome.commands, []);
}

scriptTest("run_tailscale.sh enables Funnel and prints the URL of this machine, not another's", async () => {
  await withGateway(200, async (PORT) => {
    const { code, stdout, stderr, commands } = await runScript({ env: { PORT } });
    assertEquals({ code, stderr, commands }, { code: 0, stderr: "", commands: [`funnel --bg ${PORT}`] });
    assertStringIncludes(stdout, "https://house.tail1234.ts.net\n");
    assertEquals(stdout.includes("phone"), false);
  });
});

scriptTest("run_tailscale.sh ends with the next step: set PUBLIC_URL, then pair", async () => {
  await withGateway(200, async (PORT) => {
    const pairing = "\n    deno task keys add NAME\n    deno task keys show NAME\n";
    const fresh = await runScript({ env: { PORT } });
    assertStringIncludes(fresh.stdout, "Set in .env: PUBLIC_URL=https://house.tail1234.ts.net\n");
    const other = await runScript({ env: { PORT }, envFile: "PUBLIC_URL=https://old.example\n" });
    assertStringIncludes(other.stdout, "PUBLIC_URL is https://old.example.");
    assertStringIncludes(other.stdout, "set in .env: PUBLIC_URL=https://house.tail1234.ts.net\n");
    const done = await runScript({ env: { PORT }, envFile: "PUBLIC_URL=https://house.tail1234.ts.net/\n" });
    assertStringIncludes(done.stdout, "PUBLIC_URL is this address already");
    for (const { stdout } of [fresh, other, done]) assertEquals(stdout.endsWith(pairing), true, stdout);
  });
});

scriptTest("run_tailscale.sh reads PORT from .env, whatever its notation", async () => {
  await withGateway(200, async (port) => {
    for (
      const line of [
        `PORT=${port}`,
        `PORT='${port}'`,
        `export PORT = "${port}" # public`,
        `PORT=1\r\nPORT=${port}\r\n`,
        `PORT: ${port}`,
      ]
    ) {
      const { commands } = await runScript({ envFile: `# PORT=2\n${line}` });
      assertEquals(commands, [`funnel --bg ${port}`], line);
    }
    const { commands } = await runScript({ envFile: `\ufeffPORT=${port}\r\n` });
    assertEquals(commands, [`funnel --bg ${port}`], "with a byte order mark, as Notepad writes it");
  });
});

scriptTest("run_tailscale.sh prefers PORT of the environment over .env, unless it is empty", async () => {
  await withGateway(200, async (port) => {
    const set = await runScript({ env: { PORT: port }, envFile: "PORT=1\n" });
    assertEquals(set.commands, [`funnel --bg ${port}`]);
    const empty = await runScript({ env: { PORT: "" }, envFile: `PORT=${port}\n` });
    assertEquals(empty.commands, [`funnel --bg ${port}`]);
  });
});

scriptTest("run_tailscale.sh rejects an invalid PORT", async () => {
  for (const PORT of ["http", "0", "65536", "99999999999999999999", "1 2"]) {
    assertRefused(await runScript({ env: { PORT } }), "PORT must be a whole number from 1 to 65535", PORT);
  }
});

scriptTest("run_tailscale.sh says how to install Tailscale when it is missing", async () => {
  assertRefused(await runScript({ installed: false }), "not installed", "https://tailscale.com/download");
});

scriptTest("run_tailscale.sh says how to start Tailscale when its service does not run", async () => {
  assertRefused(await runScript({ status: "", statusCode: 1 }), "does not run", "systemctl enable --now tailscaled");
});

scriptTest("run_tailscale.sh says how to connect when Tailscale is not connected", async () => {
  for (
    const [state, text] of [
      ["NeedsLogin", "not logged in"],
      ["Stopped", "switched off"],
      ["NeedsMachineAuth", "approval"],
      ["Starting", "Starting"],
    ] as const
  ) {
    assertRefused(await runScript({ status: CONNECTED.replace("Running", state) }), text);
  }
});

scriptTest("run_tailscale.sh says what to enable when the machine has no name", async () => {
  const status = CONNECTED.replace("house.tail1234.ts.net.", "");
  assertRefused(await runScript({ status }), "no name", "MagicDNS");
});

scriptTest("run_tailscale.sh never exposes a port where no gateway answers", async () => {
  const PORT = String(freePort());
  assertRefused(
    await runScript({ env: { PORT } }),
    `No gateway answers at http://127.0.0.1:${PORT}`,
    "deno task start",
  );
});

scriptTest("run_tailscale.sh never exposes a program that does not answer /health with 200", async () => {
  for (const status of [204, 404, 503]) {
    await withGateway(status, async (PORT) => {
      assertRefused(await runScript({ env: { PORT } }), `answered ${status}, and not 200`);
    });
  }
});

scriptTest("run_tailscale.sh checks a gateway with a certificate over HTTPS", async () => {
  const PORT = String(freePort());
  const outcome = await runScript({ env: { PORT }, envFile: "TLS_CERT_FILE=data/cert.pem\n" });
  assertRefused(outcome, `No gateway answers at https://127.0.0.1:${PORT}`);
});

scriptTest("run_tailscale.sh prints remedies and no URL when Tailscale refuses", async () => {
  await withGateway(200, async (PORT) => {
    const { code, stdout, stderr } = await runScript({ funnelCode: 1, env: { PORT } });
    assertEquals({ code, stdout }, { code: 1, stdout: "" });
    for (const remedy of ["--operator", "admin/dns", "kb/1223/funnel"]) assertStringIncludes(stderr, remedy);
  });
});

scriptTest("run_tailscale.sh --off disables Funnel, with or without a gateway", async () => {
  const { code, commands, stdout } = await runScript({ args: ["--off"], env: { PORT: String(freePort()) } });
  assertEquals({ code, commands }, { code: 0, commands: ["funnel --https=443 off"] });
  assertStringIncludes(stdout, "no public address");
});

scriptTest("run_tailscale.sh --help prints its usage and does nothing", async () => {
  const { code, commands, stdout } = await runScript({ args: ["--help"] });
  assertEquals({ code, commands }, { code: 0, commands: [] });
  assertStringIncludes(stdout, "Usage: ./run_tailscale.sh");
});

scriptTest("run_tailscale.sh rejects an unknown option and does nothing", async () => {
  for (const args of [["--of"], ["--off", "now"]]) {
    const { code, commands, stderr } = await runScript({ args });
    assertEquals({ code, commands }, { code: 2, commands: [] });
    assertStringIncludes(stderr, "Usage:");
  }
});
