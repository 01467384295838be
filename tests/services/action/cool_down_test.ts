import { assertEquals, assertRejects } from "@std/assert";
import { beginCoolDown } from "../../../src/services/action/cool_down.ts";
import { ServiceError } from "../../../src/services/service.ts";
import { type CoolDowns, MemoryCoolDowns } from "../../../src/store/cool_downs.ts";

Deno.test("beginCoolDown() refuses an action until its cool-down ends, with the seconds to wait", async () => {
  const clock = { ms: 1000 };
  const coolDowns = new MemoryCoolDowns(() => clock.ms);
  const begin = (name: string) => beginCoolDown(coolDowns, name, 3_600_000);
  await begin("a");
  const long = await assertRejects(() => begin("a"), ServiceError);
  assertEquals([long.status, long.code, long.retryAfterSeconds], [429, "busy", 60]);
  assertEquals(long.message, "The action ran just now, and can run again in 3600 s");
  clock.ms += 3_597_500;
  const short = await assertRejects(() => begin("a"), ServiceError);
  assertEquals([short.message, short.retryAfterSeconds], ["The action ran just now", 3]);
});

Deno.test("beginCoolDown() does nothing for an action without a cool-down", async () => {
  const coolDowns = new MemoryCoolDowns(() => 0);
  for (let run = 0; run < 2; run++) await (await beginCoolDown(coolDowns, "a", undefined))();
});

Deno.test("beginCoolDown() lets nothing run while the store fails, and tells nothing of it", async () => {
  const broken: CoolDowns = { begin: () => Promise.reject(new Error("Redis at 10.0.0.1")) };
  const error = await assertRejects(() => beginCoolDown(broken, "a", 1000), ServiceError);
  assertEquals([error.status, error.code], [500, "internal"]);
  assertEquals(error.message, "The cool-down of the action cannot be checked: try again later");
});
