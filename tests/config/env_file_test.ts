/** Which lines of `.env` set nothing, and what is told of them. */
import { assertEquals, assertThrows } from "@std/assert";
import { describeUnread } from "../../src/cli/config_errors.ts";
import { parseEnvFile } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/parse.ts";

Deno.test("parseEnvFile() finds each line that sets nothing", () => {
  for (
    const line of [
      "PORT 9000",
      "set PORT=9000",
      "setx PORT 9000",
      "$env:PORT=9000",
      "- PORT=9000",
      '"PORT": 9000',
      "PORT:9000",
      "PORT := 9000",
      "PORT\uff1d9000",
      "export PORT",
      "=9000",
      "[gateway]",
      "// PORT=9000",
      "MY PORT=9000",
    ]
  ) {
    const { variables, unreadLines } = parseEnvFile(`HOST=::1\n${line}\nMQTT_PATH=/mqtt\n`, []);
    assertEquals({ ...variables }, { HOST: "::1", MQTT_PATH: "/mqtt" }, line);
    assertEquals(unreadLines, [2], line);
  }
});

Deno.test("parseEnvFile() takes assignments, comments, empty lines and values of several lines for what they are", () => {
  for (
    const text of [
      "",
      "\ufeffPORT=1\n\n  # PORT 2\n\t\n#",
      "PORT=1\r\nexport HOST = ::1 # why\r  PORT_X: 5\r\n",
      "A=\nB='x y' # z\nmy.name-2=3",
      'PEM="-----BEGIN\nno assignment\n-----END" # of it\nPORT=1',
      "PEM='\na b\n'\nPORT=1",
    ]
  ) assertEquals(parseEnvFile(text, []).unreadLines, [], text);
});

Deno.test("parseEnvFile() finds a line that sets nothing beside a value of several lines", () => {
  assertEquals(parseEnvFile('A="x\ny z\n"\nPORT 9000\n', []).unreadLines, [4]);
});

Deno.test("parseEnvFile() refuses a file in UTF-16, of which no line would set anything", () => {
  const bytes = new Uint8Array(new Uint16Array([..."\ufeffPORT=9000\r\n"].map((one) => one.charCodeAt(0))).buffer);
  const error = assertThrows(() => parseEnvFile(new TextDecoder().decode(bytes), ["PORT"]), ConfigError);
  assertEquals(error.problems.length, 1);
  assertEquals(error.message.includes("UTF-16"), true);
});

Deno.test("describeUnread() names the lines, a few of many, and shows none", () => {
  assertEquals(describeUnread([]), []);
  assertEquals(describeUnread([2]), ["Line 2 of .env sets nothing, as it is not NAME=value"]);
  assertEquals(describeUnread([2, 4]), ["Lines 2, 4 of .env set nothing, as they are not NAME=value"]);
  assertEquals(describeUnread([1, 2, 3, 4, 5, 6, 7]), [
    "Lines 1, 2, 3, 4, 5 and 2 more of .env set nothing, as they are not NAME=value",
  ]);
});
