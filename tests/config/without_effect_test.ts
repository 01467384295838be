/** Messages about lines of `.env` that set nothing. */
import { assertEquals } from "@std/assert";
import { describeUnread } from "../../src/config/without_effect.ts";

Deno.test("describeUnread() names the lines, a few of many, and shows none", () => {
  assertEquals(describeUnread([]), []);
  assertEquals(describeUnread([2]), ["Line 2 of .env sets nothing, as it is not NAME=value"]);
  assertEquals(describeUnread([2, 4]), ["Lines 2, 4 of .env set nothing, as they are not NAME=value"]);
  assertEquals(describeUnread([1, 2, 3, 4, 5, 6, 7]), [
    "Lines 1, 2, 3, 4, 5 and 2 more of .env set nothing, as they are not NAME=value",
  ]);
});
