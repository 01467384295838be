/** Files for several gateways that docs/operations/replicas.md describes. */
import { assert, assertEquals } from "@std/assert";
import { parse, parseAllDocuments } from "yaml";
import { SETTING_NAMES } from "../../src/config/settings.ts";
import { HAPROXY, haproxyConfiguration } from "../support/haproxy.ts";
import { needing } from "../support/needs.ts";

const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));

Deno.test("docker-compose.yml of replicas names only settings that exist, and limits gateways as the one of a single gateway", async () => {
  const { gateway } = parse(await read("docker/replicas/docker-compose.yml")).services;
  const single = parse(await read("docker-compose.yml")).services.gateway;
  assertEquals(Object.keys(gateway.environment).filter((name) => !SETTING_NAMES.includes(name)), []);
  for (
    const field of [
      "read_only",
      "cap_drop",
      "security_opt",
      "mem_limit",
      "memswap_limit",
      "ulimits",
      "stop_grace_period",
    ]
  ) {
    assertEquals(gateway[field], single[field], field);
  }
});

Deno.test("kubernetes.yaml of replicas names only settings that exist, and its parts select the same pods", async () => {
  const documents = parseAllDocuments(await read("docker/replicas/kubernetes.yaml"));
  const [deployment, budget, service] = documents.map((document) => document.toJS());
  const [container] = deployment.spec.template.spec.containers;
  const names = container.env.map(({ name }: { readonly name: string }) => name);
  assertEquals(names.filter((name: string) => !SETTING_NAMES.includes(name)), []);
  const { labels } = deployment.spec.template.metadata;
  assertEquals(deployment.spec.selector.matchLabels, labels);
  assertEquals(budget.spec.selector.matchLabels, labels);
  assertEquals(service.spec.selector, labels);
  assert(deployment.spec.replicas > budget.spec.minAvailable, "No pod may be evicted");
});

Deno.test(needing("haproxy.cfg of replicas is valid, also as tests change it", { haproxy: HAPROXY }), async () => {
  for (const text of [await read("docker/replicas/haproxy.cfg"), await haproxyConfiguration(1, [{ port: 2 }])]) {
    const file = await Deno.makeTempFile({ suffix: ".cfg" });
    try {
      await Deno.writeTextFile(file, text);
      const { success, stderr } = await new Deno.Command(HAPROXY ?? "", { args: ["-c", "-f", file] }).output();
      assert(success, new TextDecoder().decode(stderr));
    } finally {
      await Deno.remove(file);
    }
  }
});
