/** Slow connections, without the socket buffers of loopback that hide their slowness. */
import { assert } from "@std/assert";
import { needing } from "../support/needs.ts";
import { hasProgram } from "../support/programs.ts";

const NAMESPACE = [
  "-rn",
  "sh",
  "-c",
  `ip link set lo up && sysctl -qw net.ipv4.tcp_wmem="4096 16384 65536" net.ipv4.tcp_rmem="4096 16384 65536" && exec "$@"`,
  "sh",
];

/** True if a network namespace can be created. */
const HAS_NAMESPACES = await hasProgram("unshare") &&
  (await new Deno.Command("unshare", { args: [...NAMESPACE, "true"], stdout: "null", stderr: "null" }).output())
    .success;

Deno.test(
  needing("large retained messages arrive over a slow connection, and the remaining ones after it broke", {
    "a network namespace": HAS_NAMESPACES,
  }),
  async () => {
    const script = new URL("slow_link.ts", import.meta.url).pathname;
    const { success, stdout, stderr } = await new Deno.Command("unshare", {
      args: [...NAMESPACE, Deno.execPath(), "run", "-A", "--quiet", script],
    }).output();
    const decoder = new TextDecoder();
    assert(success, decoder.decode(stdout) + decoder.decode(stderr));
  },
);
