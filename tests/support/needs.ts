/** Requirements of tests beyond Deno. A test with an unmet requirement is ignored, and its name says why. */

/** Requirements with the Debian packages that provide them; empty if no package does. */
export const PACKAGES_FOR = {
  bash: "bash",
  chromium: "chromium",
  curl: "curl",
  faketime: "faketime",
  git: "git",
  haproxy: "haproxy",
  influxd: "influxdb",
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

/** Requirement of a test. */
export type Need = keyof typeof PACKAGES_FOR;

/** Requirements of a test, each with the path or the presence of what it needs. */
export type Needs = Readonly<Partial<Record<Need, string | boolean | undefined>>>;

/** True on Linux, which has /proc. */
export const IS_LINUX: boolean = Deno.build.os === "linux";

/**
 * Returns the name of a test and whether it is ignored. The name of an ignored test ends with its unmet requirements:
 * `… (needs kotlinc)`.
 *
 * @example
 * ```ts
 * Deno.test(needing("a wrong password is reported", { mosquitto: MOSQUITTO }), async () => {});
 * ```
 */
export function needing(name: string, needs: Needs): { readonly name: string; readonly ignore: boolean } {
  const missing = Object.entries(needs).filter(([, found]) => found === undefined || found === false);
  if (missing.length === 0) return { name, ignore: false };
  return { name: `${name} (needs ${missing.map(([need]) => need).join(" and ")})`, ignore: true };
}
