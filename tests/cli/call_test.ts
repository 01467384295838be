/** Sources of Jeedom's API key for `call`. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { call } from "../../src/cli/call.ts";
import type { Platform } from "../../src/platform.ts";
import { answer, KEY } from "../support/fake_gateway.ts";
import { inTempDir } from "../support/temp_dir.ts";
import { clientMachine } from "../support/client_machine.ts";

const SECRET = "s3cret-apikey-1234";

/** Standard input that holds a text. */
const piped = (text: string | Uint8Array<ArrayBuffer>): Platform["stdin"] => ({
  isTerminal: () => false,
  readable: new Blob([text]).stream(),
});

const terminal: Platform["stdin"] = {
  isTerminal: () => true,
  get readable(): never {
    throw new Error("The terminal is read, and so shows what is typed");
  },
};

/** Runs `call ping` with further arguments; `sent` is the API key that the gateway received. */
async function callWith(words: readonly string[], overrides: Partial<Platform> = {}) {
  const { platform, requests, notices } = clientMachine(["ping", ...words], [answer(200, "pong")]);
  const code = await call({ ...platform, ...overrides });
  return { code, sent: requests.map(({ fields }) => fields["apikey"]), notices: notices.join("\n") };
}

/** A machine's environment and `.env`. */
const variables = (env: Record<string, string>, file = ""): Partial<Platform> => ({
  env: (name) => ({ GATEWAY_KEY: KEY, GATEWAY_URL: "http://gateway", ...env })[name],
  files: { ...Deno, readTextFile: () => Promise.resolve(file) },
});

Deno.test("call sends no API key by default", async () => {
  assertEquals(await callWith([]), { code: 0, sent: [undefined], notices: "" });
});

Deno.test("call sends the API key of --apikey, and warns that others can see it", async () => {
  const { code, sent, notices } = await callWith(["--apikey", SECRET]);
  assertEquals([code, sent], [0, [SECRET]]);
  assert(notices.startsWith("Others on this machine can see an API key that is given with --apikey"), notices);
  for (const better of ["--apikey-file FILE", "--apikey-file -", "JEEDOM_CALL_APIKEY"]) {
    assertStringIncludes(notices, better);
  }
  assert(!notices.includes(SECRET), notices);
});

Deno.test("call warns that others can see an API key among the parameters", async () => {
  for (const name of ["apikey", "api"]) {
    const { code, notices } = await callWith([JSON.stringify({ [name]: SECRET })]);
    assertEquals(code, 0);
    assert(notices.startsWith(`Others on this machine can see "${name}" of PARAMS`), notices);
    assert(!notices.includes(SECRET), notices);
  }
  assertEquals((await callWith(['{"id": 3}'])).notices, "");
});

Deno.test("call sends the API key of a file, without what editors put around it", () =>
  inTempDir(async (directory) => {
    const path = `${directory}/apikey`;
    for (const text of [SECRET, `${SECRET}\n`, `\uFEFF${SECRET}\r\n`, `\n  ${SECRET}\t\n\n`]) {
      await Deno.writeTextFile(path, text);
      const { code, sent, notices } = await callWith(["--apikey-file", path]);
      assertEquals([code, sent, notices], [0, [SECRET], ""]);
    }
  }));

for (
  const [what, bytes] of Object.entries({
    "nothing": new Uint8Array(),
    "white space": new TextEncoder().encode(" \r\n\t"),
    "two lines": new TextEncoder().encode(`${SECRET}\n${SECRET}\n`),
    "a NUL": new TextEncoder().encode(`${SECRET}\0`),
    "a text that is not UTF-8": Uint8Array.from([0xff, 0xfe, 65, 0]),
    "a large text": new Uint8Array(5000).fill(65),
  })
) {
  Deno.test(`call refuses ${what} in place of an API key, from a file and from standard input`, () =>
    inTempDir(async (directory) => {
      const path = `${directory}/apikey`;
      await Deno.writeFile(path, bytes);
      for (
        const [source, name, overrides] of [
          [path, "--apikey-file", {}],
          ["-", "Standard input", { stdin: piped(bytes) }],
        ] as const
      ) {
        const { code, sent, notices } = await callWith(["--apikey-file", source], overrides);
        assertEquals([code, sent], [2, []]);
        assertStringIncludes(notices, `${name} must hold one line: the API key, and nothing else`);
        assert(!notices.includes("s3cret"), notices);
      }
    }));
}

Deno.test("call says why the file of --apikey-file cannot be read, without its path, which may be the API key", () =>
  inTempDir(async (directory) => {
    for (
      const [path, reason] of [
        [SECRET, "there is no such file"],
        [directory, "it is a directory"],
        ["", "there is no such file"],
      ] as const
    ) {
      const { code, sent, notices } = await callWith(["--apikey-file", path]);
      assertEquals([code, sent, notices], [2, [], `The file of --apikey-file cannot be read: ${reason}`]);
    }
  }));

Deno.test("call reads the API key of --apikey-file - from standard input", async () => {
  const { code, sent, notices } = await callWith(["--apikey-file", "-"], { stdin: piped(`${SECRET}\n`) });
  assertEquals([code, sent, notices], [0, [SECRET], ""]);
});

Deno.test("call asks for the API key of --apikey-file - where standard input is a terminal", async () => {
  const questions: string[] = [];
  const typed = (text: string | undefined): Partial<Platform> => ({
    stdin: terminal,
    askSecret: (question) => {
      questions.push(question);
      return Promise.resolve(text);
    },
  });
  const { code, sent, notices } = await callWith(["--apikey-file", "-"], typed(SECRET));
  assertEquals([code, sent, notices], [0, [SECRET], ""]);
  assertEquals(questions, ["API key of Jeedom, which is not shown while you type:"]);
  for (const nothing of ["", undefined]) {
    assertEquals((await callWith(["--apikey-file", "-"], typed(nothing))).code, 2);
  }
});

Deno.test("call asks for the API key only when nothing else is wrong", async () => {
  const overrides: Partial<Platform> = { stdin: terminal, askSecret: () => Promise.reject(new Error("Asked")) };
  for (const words of [["[1]"], ["--url", "x"], ["--protocol", "3"], ["--key-file", "no-such-file"]]) {
    assertEquals((await callWith(["--apikey-file", "-", ...words], overrides)).code, 2);
  }
});

Deno.test("call sends JEEDOM_CALL_APIKEY of the environment, or else of .env, unless an option names another", async () => {
  const env = { JEEDOM_CALL_APIKEY: "of-the-environment" };
  const file = "JEEDOM_CALL_APIKEY=of-the-file";
  for (
    const [words, overrides, sent] of [
      [[], variables(env), "of-the-environment"],
      [[], variables(env, file), "of-the-environment"],
      [[], variables({}, file), "of-the-file"],
      [[], variables({ JEEDOM_CALL_APIKEY: "" }, file), "of-the-file"],
      [[], variables({ JEEDOM_APIKEY: "the-gateway's-own" }), undefined],
      [["--apikey", "of-the-option"], variables(env, file), "of-the-option"],
      [["--apikey-file", "-"], { ...variables(env, file), stdin: piped("piped") }, "piped"],
    ] as const
  ) {
    const result = await callWith(words, overrides);
    assertEquals([result.code, result.sent], [0, [sent]]);
  }
});

Deno.test("call refuses two API keys, and an empty one", async () => {
  for (const words of [["--apikey", SECRET, "--apikey-file", "-"], ["--apikey", ""], ["--apikey="]]) {
    const { code, sent, notices } = await callWith(words, { stdin: piped(SECRET) });
    assertEquals([code, sent], [2, []]);
    assertStringIncludes(notices, "--apikey");
    assert(!notices.includes(SECRET), notices);
  }
});

Deno.test("call reads .env once", async () => {
  let reads = 0;
  const readTextFile = () => {
    reads++;
    return Promise.resolve(`JEEDOM_CALL_APIKEY=${SECRET}\n`);
  };
  const { code, sent } = await callWith([], { ...variables({}), files: { ...Deno, readTextFile } });
  assertEquals([code, sent, reads], [0, [SECRET], 1]);
});
