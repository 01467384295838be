/**
 * Documents that are made from the settings table: `.env.example`, `docs/configuration.md`, the short table of
 * `README.md`, and the defaults in `docs/operations/limits.md`.
 *
 * @module
 */
import type { Setting, SettingsGroup } from "../../src/config/rules.ts";
import { SETTINGS, settingsOf, type SettingsTable } from "../../src/config/settings.ts";

const WIDTH = 120;

const ALL: readonly Setting[] = settingsOf(SETTINGS);

/** Returns the groups that have settings: a service may have none but those in the services file. */
function groupsOf(table: SettingsTable): readonly SettingsGroup[] {
  return Object.values(table).filter(({ settings }) => Object.keys(settings).length > 0);
}

/** Makes the text of `.env.example`. */
export function envExample(table: SettingsTable = SETTINGS): string {
  const sections = groupsOf(table).map(({ title, intro, settings }) =>
    [
      heading(title),
      ...intro === undefined ? [] : [comment(intro)],
      ...Object.values(settings).map(envEntry),
    ].join("\n\n")
  );
  return `${
    [ENV_HEADER, ...sections, `${heading("Not settings of the gateway")}\n\n${OTHER_VARIABLES}`].join("\n\n\n")
  }\n`;
}

const ENV_HEADER = `\
# Settings of e2e-gateway, each with its default. Made from the settings table by: deno task docs
#
# How to use: copy this file to .env, remove the "#" from a line that you want to change, and restart the gateway.
# Copied as it is, it changes nothing. A variable of the environment overrides this file; an empty value counts as
# absent. Put a value that has a "#" or a "$", or spaces at its ends, between single quotes: MQTT_PASSWORD='a#b$c'.
# See which settings differ from their defaults, and which are invalid or misspelt:  deno task check-config
#
# The file may hold passwords: close it to others (chmod 600 .env), and keep it out of version control.`;

const OTHER_VARIABLES = `\
# The commands deno task call, publish, subscribe, health and conformance take these from the environment or this file:
#   GATEWAY_URL   the gateway's address, https://yourdevice.tail497f.ts.net; this machine and PORT when absent
#   GATEWAY_KEY   the key, 64 hexadecimal characters; the file at SECRET_KEY_FILE when absent. From KEYS_FILE it is what
#                 follows "#key=" in the last line of: deno task keys show NAME --no-qr
#   JEEDOM_CALL_APIKEY   Jeedom's API key for deno task call, where the gateway has no JEEDOM_APIKEY
# As in:  GATEWAY_URL=https://yourdevice.tail497f.ts.net deno task health

# Docker Compose reads this one from .env, for the profile "tailscale": the key that adds the node to your tailnet. It
# is needed for the node's first start only. TS_HOSTNAME gives the node another name than "e2e-gateway".
#TS_AUTHKEY=`;

const heading = (title: string) => `# ---- ${title} `.padEnd(WIDTH, "-");

function envEntry(setting: Setting): string {
  const { name, doc, notes, reason, rule } = setting;
  return [
    comment(doc),
    ...notes === undefined ? [] : [comment(notes)],
    ...reason === undefined ? [] : [comment(`Why this default: ${reason}`)],
    ...rule.description === undefined ? [] : [comment(`Values: ${rule.description}.`)],
    `#${name}=${setting.default ?? ""}`,
  ].join("\n");
}

/** Makes comment lines of a text; its indented lines stay as they are. */
function comment(text: string): string {
  return text.split("\n").flatMap((line) => line.startsWith(" ") ? [line] : wrapped(line)).map((line) => `# ${line}`)
    .join("\n");
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > WIDTH - "# ".length) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

/** Makes the page `docs/configuration.md`. */
export function configurationPage(table: SettingsTable = SETTINGS): string {
  const sections = groupsOf(table).map(({ title, intro, settings }) =>
    [
      `## ${title}`,
      ...intro === undefined ? [] : [wrapped(marked(intro)).join("\n")],
      [
        "| Setting | Default | Values | Meaning |",
        "| --- | --- | --- | --- |",
        ...Object.values(settings).map((setting) => row(setting, [setting.rule.description ?? "", meaning(setting)])),
      ].join("\n"),
    ].join("\n\n")
  );
  return `${[PAGE_HEADER, ...sections].join("\n\n")}\n`;
}

const PAGE_HEADER = `\
# Configuration

<!-- Made from the settings table by: deno task docs -->

Every setting has a default: without any, the gateway runs with an embedded broker and a new key. Settings come from the
environment, or from a file \`.env\` in the project's folder; the environment overrides the file. An empty value counts as
absent, and a setting that is in \`.env\` twice is refused. With invalid settings the gateway does not start, and names all
problems at once.

\`\`\`shell
cp .env.example .env              # every setting with its default, commented out
deno task check-config            # which settings differ from their defaults, and what is wrong or misspelt
deno task check-config --all      # all settings
\`\`\`

Settings take effect at the next start; the [key files](keys.md) and the [services file](services-file.md) are read while
the gateway runs. What happens at each limit is in [operations/limits.md](operations/limits.md) and
[security.md](security.md#limits).

[permissions.md](permissions.md#brokers) says which brokers a request can reach.`;

/** Makes the short table of README.md. */
export function readmeTable(): string {
  return [
    "| Setting | Default | Meaning |",
    "| --- | --- | --- |",
    ...ALL.filter(({ essential }) => essential).map((setting) => row(setting, [marked(setting.doc)])),
  ].join("\n");
}

function row(setting: Setting, cells: readonly string[]): string {
  const value = setting.default === undefined || setting.default === "" ? "" : `\`${setting.default}\``;
  return `| ${[`\`${setting.name}\``, value, ...cells].map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function meaning({ doc, notes = "", reason }: Setting): string {
  const lines = notes.split("\n").map((line) => line.startsWith(" ") ? inCode(line) : marked(line));
  const why = reason === undefined ? "" : `*Why this default:* ${marked(reason)}`;
  return [marked(doc), ...lines, why].filter((text) => text !== "").join(" ").replaceAll(PAGES, "[docs/$1]($1)");
}

/** Paths of other pages. */
const PAGES = /docs\/([\w/]+\.md)/g;

/** Marks a line of examples as code, each by itself. */
const inCode = (line: string) => line.trim().split(/ {3,}/).map((example) => `\`${example}\``).join(", ") + ".";

/** Names of settings, with values; commands in quotes or at the end; addresses. */
const CODE = new RegExp(
  `\\b(?:${ALL.map(({ name }) => name).join("|")})\\b(?:=[\\w,]+)?|"deno task [^"]+"|deno task [\\w -]+$|` +
    `rediss?\\+\\w+://[^\\s;)]*[^\\s;,.)]|(?:https?|rediss?)://[^\\s,)]*[^\\s,.):]|(?<!\\w)/(?:metrics|health/ready)\\b`,
  "g",
);

/** Marks code in a text for Markdown. */
const marked = (text: string) => text.replace(CODE, (code) => `\`${code.replaceAll('"', "")}\``);

const BEGIN = "<!-- settings:begin -->";
const END = "<!-- settings:end -->";

/** Replaces what is between the markers of the short table; a text without markers stays as it is. */
export function withReadmeTable(text: string): string {
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  return after === undefined ? text : `${before}${BEGIN}\n${readmeTable()}\n${END}${after}`;
}

/** Replaces the defaults in the rows of settings of `docs/operations/limits.md`: the second cell, before the setting. */
export function withLimitDefaults(text: string): string {
  const settings = new Map(ALL.map((setting) => [setting.name, setting]));
  return text.replaceAll(/^(\| [^|]* \| )[^|]*( \| `([A-Z_]+)` \| )/gm, (line, before, after, name) => {
    const setting = settings.get(name);
    return setting === undefined ? line : `${before}${quantity(setting)}${after}`;
  });
}

/** Formats a default in the largest unit that needs no fraction: bytes in KiB or MiB, milliseconds in seconds. */
function quantity({ name, default: text }: Setting): string {
  const value = Number(text);
  if (name.endsWith("_SECONDS")) return `${value} s`;
  if (name.endsWith("_MS")) return value % 1000 === 0 ? `${value / 1000} s` : `${value} ms`;
  if (!name.endsWith("_BYTES")) return value.toLocaleString("en");
  if (value % 2 ** 20 === 0) return `${value / 2 ** 20} MiB`;
  return value % 2 ** 10 === 0 ? `${value / 2 ** 10} KiB` : `${value} bytes`;
}
