/** Rights of a key in the words of the page. */
import { assertEquals } from "@std/assert";
import { CATALOGUE } from "../../../src/console/catalogue/catalogue.ts";
import { readDeviceInfo } from "../../../src/console/connection/device_info.ts";
import { wordsOfRights } from "../../../src/console/screens/device/rights_words.ts";

function wordsOf(rights: unknown, language: "en" | "fr" = "en"): readonly string[] | undefined {
  const device = readDeviceInfo({ name: "phone", kid: "00", rights, summary: ["the gateway's words"] });
  return device && wordsOfRights(device, CATALOGUE[language].device.rights);
}

Deno.test("wordsOfRights() says what a key may do, and names all there is as such", () => {
  const rights = {
    mqtt: { publish: ["home/gate/set"], subscribe: ["#"], brokers: [] },
    action: { actions: ["*"], uses: 3 },
  };
  assertEquals(wordsOf(rights), [
    "Publish to the MQTT topics home/gate/set",
    "Read every MQTT topic",
    "Run every action",
    "Run actions 3 times at most",
  ]);
  assertEquals(wordsOf({ jeedom: { methods: ["*"], ownApikey: false } }, "fr"), ["Voir et commander Jeedom"]);
  assertEquals(wordsOf({ http: { targets: ["camera"], methods: ["*"], paths: ["/**"] } }), ["Ask over HTTP: camera"]);
});

Deno.test("wordsOfRights() shortens long lists", () => {
  assertEquals(wordsOf({ action: { actions: ["a", "b", "c", "d", "e", "f"] } }), ["Run the actions a, b, c, d + 2"]);
});

Deno.test("wordsOfRights() leaves to the gateway what the page does not know: a limit is never left out", () => {
  for (
    const rights of [
      { jeedom: { methods: ["*"], commands: [7] } },
      { mqtt: { subscribe: ["#"], constructor: ["x"] } },
      { toaster: ["*"] },
      {},
    ]
  ) assertEquals(wordsOf(rights), ["the gateway's words"]);
});
