import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ScopeError } from "../../../src/keys/rights.ts";
import { FieldError, type Payload } from "../../../src/protocol/payload.ts";
import { ServiceError } from "../../../src/services/service.ts";
import { makeInfluxService, NOW, type TestServiceOptions } from "../../support/influxdb_service.ts";
import { until } from "../../support/deadline.ts";

const URL_1 = "http://influx:8086";

const QUERY = {
  url: URL_1,
  version: 1,
  database: "home",
  query: "SELECT value FROM temp WHERE room = $room",
  params: { room: { type: "text" } },
};

const WRITE = {
  url: URL_1,
  version: 1,
  database: "home",
  label: "Meter",
  write: {
    measurements: {
      power: { tags: { room: { type: "enum", values: ["attic"] } }, fields: { watts: { type: "number", min: 0 } } },
    },
  },
};

const RESULT = {
  results: [{ statement_id: 0, series: [{ name: "temp", columns: ["time", "value"], values: [[1, 20]] }] }],
};

/** A service whose server answers as a function says, and the requests that it received. */
function make(
  section: Readonly<Record<string, object>>,
  answer: (request: Request) => Response | Promise<Response> = () => Response.json(RESULT),
  options: Omit<TestServiceOptions, "section"> = {},
) {
  const requests: Request[] = [];
  const service = makeInfluxService({
    section,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      requests.push(request);
      return await answer(request.clone());
    },
    ...options,
  });
  return { service, requests };
}

const ATTIC = { query: "temps", params: { room: "attic" } };

Deno.test("handle() sends a query of InfluxDB 1 as GET, with the login in a header alone", async () => {
  const login = { username: "gateway", password: "pass:word" };
  const { service, requests } = make({ temps: { ...QUERY, ...login } });
  assertEquals(await service.ask(ATTIC), { columns: ["time", "value"], rows: [[1, 20]] });
  const [sent] = requests;
  const url = new URL(sent?.url ?? "");
  assertEquals([sent?.method, url.pathname], ["GET", "/query"]);
  assertEquals(Object.fromEntries(url.searchParams), {
    db: "home",
    q: QUERY.query,
    params: '{"room":"attic"}',
    epoch: "ms",
  });
  assertEquals(sent?.headers.get("Authorization"), `Basic ${btoa("gateway:pass:word")}`);
  assertEquals(sent?.redirect, "manual");
});

Deno.test("handle() sends a query of InfluxDB 2 as its documented request, and reads its annotated CSV", async () => {
  const { service, requests } = make(
    {
      temps: {
        url: "http://influx:8086/base/",
        version: 2,
        org: "my home",
        token: "secret",
        query: 'from(bucket: "home") |> range(start: $from) |> filter(fn: (r) => r.room == $room)',
        params: { room: { type: "text" }, from: { type: "time" } },
      },
    },
    () =>
      new Response(
        "#datatype,string,long,dateTime:RFC3339,double\r\n#default,_result,,,\r\n,result,table,_time,_value\r\n" +
          ",,0,2027-01-31T11:00:00Z,20.5\r\n\r\n",
        { headers: { "Content-Type": "text/csv; charset=utf-8" } },
      ),
  );
  assertEquals(await service.ask({ query: "temps", params: { room: 'a"${b}', from: "-1d" } }), {
    columns: ["time", "_value"],
    rows: [[NOW - 3_600_000, 20.5]],
  });
  const [sent] = requests;
  assertEquals([sent?.method, sent?.url], ["POST", "http://influx:8086/base/api/v2/query?org=my+home"]);
  assertEquals(sent?.headers.get("Authorization"), "Token secret");
  assertEquals(await sent?.json(), {
    query: 'from(bucket: "home") |> range(start: 2027-01-30T12:00:00.000Z) |> ' +
      'filter(fn: (r) => r.room == "a\\"\\${b}")',
    type: "flux",
    dialect: { header: true, delimiter: ",", annotations: ["datatype", "default"], dateTimeFormat: "RFC3339" },
  });
});

Deno.test("handle() sends a query of InfluxDB 3 with bound values, and reads its objects", async () => {
  const { service, requests } = make(
    {
      temps: {
        url: "http://influx:8181",
        version: 3,
        database: "home",
        token: "secret",
        query: "SELECT * FROM temp WHERE room = $room AND value > $min AND time > $from",
        params: { room: { type: "text" }, min: { type: "number" }, from: { type: "time" } },
      },
    },
    () =>
      Response.json([
        { time: "2027-01-31T11:00:00", room: "attic", value: 20.5 },
        { time: "2027-01-31T11:00:00.123456789", value: 21, note: "2027-01-31T11:00:00" },
        { time: "2027-01-31T11:00:01", value: null, note: "text" },
      ]),
  );
  const time = NOW - 3_600_000;
  assertEquals(await service.ask({ query: "temps", params: { room: "it's", min: 1.5, from: "-1d" } }), {
    columns: ["time", "room", "value", "note"],
    rows: [[time, "attic", 20.5, null], [time + 123, null, 21, "2027-01-31T11:00:00"], [
      time + 1000,
      null,
      null,
      "text",
    ]],
  });
  const [sent] = requests;
  assertEquals([sent?.method, sent?.url], ["POST", "http://influx:8181/api/v3/query_sql"]);
  assertEquals(sent?.headers.get("Authorization"), "Bearer secret");
  assertEquals(await sent?.json(), {
    db: "home",
    q: "SELECT * FROM temp WHERE room = $room AND value > $min AND time > TIMESTAMP '2027-01-30T12:00:00.000Z'",
    format: "json",
    params: { room: "it's", min: 1.5 },
  });
});

Deno.test("handle() writes one line to each version, and succeeds with 204 alone", async () => {
  const servers = [
    [{ version: 1, database: "home" }, "http://influx:8086/write?db=home&precision=ms"],
    [
      { version: 2, org: "home", bucket: "power", token: "t" },
      "http://influx:8086/api/v2/write?org=home&bucket=power&precision=ms",
    ],
    [
      { version: 3, database: "home" },
      "http://influx:8086/api/v3/write_lp?db=home&precision=millisecond&accept_partial=false",
    ],
  ] as const;
  const request = { write: "meter", measurement: "power", tags: { room: "attic" }, fields: { watts: 1500.5 } };
  for (const [server, url] of servers) {
    let status = 204;
    const { service, requests } = make(
      { meter: { url: URL_1, ...server, write: WRITE.write } },
      () => new Response(status === 204 ? null : "{}", { status }),
    );
    assertEquals(await service.ask(request), { success: true });
    assertEquals([requests[0]?.method, requests[0]?.url], ["POST", url]);
    assertEquals(await requests[0]?.text(), `power,room=attic watts=1500.5 ${NOW}`);
    for (status of [200, 400, 500, 503]) {
      await assertRejects(
        () => service.ask(request),
        ServiceError,
        `InfluxDB refused the write meter with status ${status}`,
      );
    }
    assertEquals(requests.length, 5, "Each is sent once");
  }
});

Deno.test("handle() refuses a point that its write does not allow, before anything is sent", async () => {
  const { service, requests } = make({ meter: WRITE });
  const point = { write: "meter", measurement: "power", tags: { room: "attic" }, fields: { watts: 1 } };
  const faults: [Payload, string][] = [
    [{ measurement: undefined }, "Missing required field: measurement"],
    [{ fields: undefined }, "Missing required field: fields"],
    [{ measurement: "other" }, "Invalid field: measurement: must be one of: power"],
    [{ tags: { room: "cellar" } }, "Invalid field: tags.room: must be one of: attic"],
    [{ tags: { floor: "1" } }, "Invalid field: tags: has a name that is not allowed. There are: room"],
    [{ fields: { watts: -1 } }, "Invalid field: fields.watts: must be a number from 0"],
    [{ fields: { watts: "1" } }, "Invalid field: fields.watts: must be a number from 0"],
    [{ fields: {} }, "Invalid field: fields: must have at least one field"],
    [{ fields: [] }, "Invalid field: fields: must be an object"],
    [{ time: "-40d" }, "Invalid field: time: must be within 31 days of now"],
    [{ time: "soon" }, "Invalid field: time: must be a time such as"],
    [{ query: "temps" }, "Invalid field: write: must not come together with query"],
  ];
  for (const [change, message] of faults) {
    const error = await assertRejects(() => service.handle({ ...point, ...change }), FieldError);
    assertStringIncludes(error.message, message);
  }
  assertEquals(requests, []);
});

Deno.test("handle() answers an unknown name as one that the key does not grant, and sends nothing", async () => {
  const { service, requests } = make({ temps: QUERY, meter: WRITE });
  const text = async (payload: Payload, rights: { queries: string[]; write: string[] }) =>
    (await assertRejects(() => service.handle(payload, { rights }), ScopeError)).message;
  const point = { measurement: "power", fields: { watts: 1 } };
  for (const rights of [{ queries: [], write: [] }, { queries: ["a*"], write: ["a*"] }]) {
    assertEquals(await text({ query: "temps" }, rights), "This key may not run the query temps");
    assertEquals(await text({ query: "abc" }, rights), "This key may not run the query abc");
    assertEquals(await text({ write: "meter", ...point }, rights), "This key may not use the write-series meter");
    assertEquals(await text({ write: "abc", ...point }, rights), "This key may not use the write-series abc");
  }
  assertEquals(
    await text({ query: "meter" }, { queries: ["*"], write: ["*"] }),
    "This key may not run the query meter",
  );
  assertEquals(requests, []);
});

Deno.test("handle() lists the queries and writes that the key may use, without their server and text", async () => {
  const { service } = make({ temps: { ...QUERY, label: "Temperatures" }, others: QUERY, meter: WRITE });
  const temps = {
    name: "temps",
    label: "Temperatures",
    params: { room: { type: "text", maxLength: 100 } },
  };
  assertEquals(await service.ask({}, { rights: { queries: ["temp*"], write: [] } }), { queries: [temps], writes: [] });
  assertEquals(await service.ask({}, { rights: { queries: [], write: ["meter"] } }), {
    queries: [],
    writes: [{ name: "meter", label: "Meter", measurements: WRITE.write.measurements }],
  });
});

Deno.test("handle() finds errors of InfluxDB wherever they are, and passes none of their text on", async () => {
  const csvError = "#datatype,string,string\r\n#default,,\r\n,error,reference\r\n,secret at line 1,897\r\n";
  const flux = { url: URL_1, version: 2, org: "home", token: "t", query: 'from(bucket: "b")' };
  const sql = { url: URL_1, version: 3, database: "home", query: "SELECT 1" };
  const refused = "InfluxDB refused the query temps";
  const malformed = "The answer to the query temps is not as InfluxDB answers";
  const answers: [object, () => Response, string][] = [
    [QUERY, () => Response.json({ results: [{ error: "secret" }] }), refused],
    [QUERY, () => Response.json({ error: "secret" }, { status: 400 }), refused],
    [QUERY, () => Response.json({ error: "secret" }), refused],
    [QUERY, () => Response.json({ results: [{ series: [], error: "secret" }] }), refused],
    [QUERY, () => Response.json({ results: [{}, {}] }), malformed],
    [QUERY, () => Response.json({ results: [{ series: [{ columns: ["a"], values: [[1, 2]] }] }] }), malformed],
    [QUERY, () => new Response("<html>secret"), malformed],
    [QUERY, () => Response.json({ error: "secret" }, { status: 401 }), "InfluxDB refuses the gateway's login"],
    [QUERY, () => new Response(null, { status: 302, headers: { Location: "http://secret" } }), "InfluxDB redirected"],
    [flux, () => new Response(csvError), refused],
    [flux, () => Response.json({ code: "invalid", message: "secret" }, { status: 400 }), refused],
    [flux, () => new Response('a\n"secret'), malformed],
    [sql, () => Response.json({ error: "secret" }), refused],
    [sql, () => new Response("secret", { status: 500 }), refused],
    [sql, () => Response.json([1]), malformed],
  ];
  for (const [entry, answer, message] of answers) {
    const { service } = make({ temps: entry as typeof QUERY }, answer);
    const params = entry === QUERY ? { room: "attic" } : {};
    const error = await assertRejects(() => service.handle({ query: "temps", params }), ServiceError, message);
    assertEquals([error.status, error.code, error.message.includes("secret")], [502, "service_answer", false]);
  }
});

Deno.test("handle() marks a result that InfluxDB left rows out of", async () => {
  const [{ series }] = RESULT.results as [typeof RESULT.results[0]];
  const partial = { results: [{ series: series.map((one) => ({ ...one, partial: true })) }] };
  const { service } = make({ temps: QUERY }, () => Response.json(partial));
  assertEquals(await service.ask(ATTIC), { columns: ["time", "value"], rows: [[1, 20]], truncated: true });
});

Deno.test("handle() stops at an answer that is too large, and reserves memory for a large one", async () => {
  const rows = Array.from({ length: 20_000 }, (_, index) => [index, 20]);
  const large = { results: [{ series: [{ name: "temp", columns: ["time", "value"], values: rows }] }] };
  const answer = () => Response.json(large);
  const { service } = make({ temps: { ...QUERY, maxBytes: 1000 }, all: { ...QUERY, maxRows: 20_000 } }, answer);
  const error = await assertRejects(() => service.handle(ATTIC), ServiceError, "larger than 1000 bytes");
  assertEquals([error.status, error.code], [502, "service_answer"]);
  const all = { ...ATTIC, query: "all" };
  const first = await service.handle(all);
  assertEquals(JSON.parse(first.bodyJson).rows.length, 20_000);
  let isAnswered = false;
  const second = service.handle(all).then(() => isAnswered = true);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals(isAnswered, false, "One large answer of a key at a time");
  service.release();
  await second;
});

Deno.test("handle() ends a call at its time limit, and says so", async () => {
  const never = () => new Promise<Response>(() => {});
  const { service } = make({ temps: { ...QUERY, timeout: 0.1 } }, never);
  const error = await assertRejects(() => service.handle(ATTIC), ServiceError, "InfluxDB did not answer within 0.1 s");
  assertEquals([error.status, error.code], [504, "service_timeout"]);
});

Deno.test("handle() ends an answer that stalls at the time limit", async () => {
  const stalled = () => new Response(new ReadableStream({ start: (body) => body.enqueue(new Uint8Array([91])) }));
  const { service } = make({ temps: { ...QUERY, timeout: 0.1 } }, stalled);
  const error = await assertRejects(() => service.handle(ATTIC), ServiceError);
  assertEquals(error.code, "service_timeout");
});

Deno.test("handle() has a limit of calls for each key, and releases them", async () => {
  const waiting: (() => void)[] = [];
  const { service } = make(
    { temps: QUERY },
    () => new Promise((resolve) => waiting.push(() => resolve(Response.json(RESULT)))),
  );
  const running = [service.handle(ATTIC), service.handle(ATTIC)];
  const error = await assertRejects(
    () => service.handle(ATTIC),
    ServiceError,
    "Too many calls of InfluxDB are under way",
  );
  assertEquals([error.status, error.code, error.retryAfterSeconds], [429, "busy", 1]);
  const other = service.handle(ATTIC, { key: "other" });
  await until("all are sent", () => waiting.length === 3);
  waiting.splice(0).forEach((resolve) => resolve());
  await Promise.all([...running, other]);
  const next = service.handle(ATTIC);
  await until("it is sent", () => waiting.length === 1);
  waiting[0]?.();
  await next;
});

Deno.test("handle() says that InfluxDB cannot be reached, without the query", async () => {
  const failures: [Error, string][] = [
    [new TypeError("error sending request for url (http://influx:8086/query?q=SELECT)"), "InfluxDB cannot be reached"],
    [new Deno.errors.NotCapable("Requires net access"), "it needs a restart of the gateway"],
  ];
  for (const [failure, message] of failures) {
    const { service } = make({ temps: QUERY }, () => Promise.reject(failure));
    const error = await assertRejects(() => service.handle(ATTIC), ServiceError, message);
    assertEquals([error.status, error.code], [502, "service_unreachable"]);
    assertEquals(error.cause instanceof Error && error.cause.message.includes("SELECT"), false);
  }
});

Deno.test("handle() gives no rows to a key that was revoked while InfluxDB worked", async () => {
  const revocation = new AbortController();
  const { service } = make({ temps: QUERY }, () => {
    revocation.abort(new Error("This key is revoked"));
    return Response.json(RESULT);
  });
  const error = await assertRejects(() => service.handle(ATTIC, { revoked: revocation.signal }), ServiceError);
  assertEquals([error.status, error.code, error.message], [403, "key_revoked", "This key is revoked"]);
});

Deno.test("handle() truncates answers of a hostile server whose rows would take far more memory and time than its text", async () => {
  const tags = `{${Array.from({ length: 30_000 }, (_, index) => `"t${index}":0`).join(",")}}`;
  const objects = `{${Array.from({ length: 30_000 }, (_, index) => `"c${index}":"2027"`).join(",")}}`;
  const answers: Readonly<Record<1 | 2 | 3, string>> = {
    1: `{"results":[{"series":[{"columns":[],"tags":${tags},"values":[${"[],".repeat(100_000)}[]]}]}]}`,
    2: `#datatype,double,double\r\n#default,0.${"0".repeat(300_000)}1,\r\na,b\r\n${",\r\n".repeat(100_000)}`,
    3: `[${objects}${",{}".repeat(100_000)}]`,
  };
  const servers = { 1: { database: "home" }, 2: { org: "home", token: "secret" }, 3: { database: "home" } };
  for (const version of [1, 2, 3] as const) {
    const query = version === 2 ? 'from(bucket: "home")' : "SELECT value FROM temp";
    const { service } = make(
      { all: { url: URL_1, version, ...servers[version], query, maxRows: 1000 } },
      () => new Response(answers[version]),
    );
    const { bodyJson } = await service.handle({ query: "all" });
    assertEquals(bodyJson.endsWith(',"truncated":true}'), true, String(version));
  }
});

Deno.test("handle() refuses answers of a hostile server with very many series, each of which takes longer than a row", async () => {
  const csv = { url: URL_1, version: 2, org: "home", token: "secret", query: 'from(bucket: "home")' };
  const answers = [
    [QUERY, (count: number) => `{"results":[{"series":[${Array(count).fill('{"columns":[]}').join()}]}]}`],
    [csv, (count: number) => "a\n1\n\n".repeat(count)],
  ] as const;
  for (const [query, answerOf] of answers) {
    const ask = (count: number) => {
      const params = query === QUERY ? ATTIC.params : {};
      return make({ temps: query }, () => new Response(answerOf(count))).service.handle({ query: "temps", params });
    };
    assertEquals((await ask(10_000)).status, 200);
    const error = await assertRejects(() => ask(10_001), ServiceError, "more than 10000 series");
    assertEquals([error.status, error.code], [502, "service_answer"]);
  }
});
