/** What some tests need beyond Deno. A test whose needs are not met is ignored, and its name says why. */

/** Everything that a test may need, and the Debian packages that it comes with; none where no package helps. */
export const PACKAGES_FOR = {
  bash: "bash",
  chromium: "chromium",
  curl: "curl",
  faketime: "faketime",
  git: "git",
  kotlinc: "kotlin libandroid-json-java",
  mosquitto: "mosquitto",
  "Node 20 with npm": "nodejs npm",
  openssl: "openssl",
  prlimit: "util-linux",
  "python3-cryptography": "python3-cryptography",
  "redis-server": "redis-server",
  script: "bsdutils",
  "shell tools": "coreutils findutils grep sed",
  "systemd-analyze": "systemd",
  "12,000 open files": "",
  "4,000 open files": "",
  "a control group as root": "",
  "a network namespace": "",
  "a free port 80": "",
  Linux: "",
  root: "",
} as const;

/** Something that a test may need. */
export type Need = keyof typeof PACKAGES_FOR;

/** What a test needs, each with the path where it was found, or whether it is there. */
export type Needs = Readonly<Partial<Record<Need, string | boolean | undefined>>>;

/** Whether the tests run on Linux, which shows much of its processes in /proc. */
export const IS_LINUX: boolean = Deno.build.os === "linux";

/**
 * Returns the name of a test and whether it is ignored. The name of an ignored one ends with what is missing:
 * `… (needs kotlinc)`.
 *
 * @example
 * ```ts
 * Deno.test(needing("a wrong password is told as such", { mosquitto: MOSQUITTO }), async () => {});
 * ```
 */
export function needing(name: string, needs: Needs): { readonly name: string; readonly ignore: boolean } {
  const missing = Object.entries(needs).filter(([, found]) => found === undefined || found === false);
  if (missing.length === 0) return { name, ignore: false };
  return { name: `${name} (needs ${missing.map(([need]) => need).join(" and ")})`, ignore: true };
}
