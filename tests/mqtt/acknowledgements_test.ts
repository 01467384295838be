import { assertEquals } from "@std/assert";
import { Acknowledgements } from "../../src/mqtt/acknowledgements.ts";
import { settle } from "../support/settle.ts";

function makeAcknowledgements(max = 10) {
  const sent: number[] = [];
  const errors: unknown[] = [];
  const acknowledgements = new Acknowledgements({
    max,
    acknowledge: (packetId) => void sent.push(packetId),
    onNotTaken: (error) => void errors.push(error),
  });
  return { acknowledgements, sent, errors };
}

Deno.test("messages are acknowledged in their order, whatever the order in which they are taken", async () => {
  const { acknowledgements, sent } = makeAcknowledgements();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  acknowledgements.add({ packetId: 1, bytes: 1, taken: first.promise });
  acknowledgements.add({ packetId: 2, bytes: 1, taken: second.promise });
  acknowledgements.add({ packetId: 3, bytes: 1, taken: undefined });
  second.resolve();
  await settle();
  assertEquals(sent, []);
  first.resolve();
  await settle();
  assertEquals(sent, [1, 2, 3]);
});

Deno.test("nothing is acknowledged from a message on that is not taken", async () => {
  const { acknowledgements, sent, errors } = makeAcknowledgements();
  const lost = new Error("lost");
  acknowledgements.add({ packetId: 1, bytes: 1, taken: undefined });
  acknowledgements.add({ packetId: 2, bytes: 1, taken: Promise.reject(lost) });
  acknowledgements.add({ packetId: 3, bytes: 1, taken: undefined });
  await settle();
  acknowledgements.add({ packetId: 4, bytes: 1, taken: Promise.resolve() });
  await settle();
  assertEquals([sent, errors[0]], [[1], lost]);
});

Deno.test("add() waits when too many messages, or too many bytes, wait", async () => {
  for (const [count, bytes] of [[10, 1], [1, 2 ** 20]] as const) {
    const { acknowledgements } = makeAcknowledgements();
    const taken = Promise.withResolvers<void>();
    const rooms = Array.from(
      { length: count },
      (_, packetId) => acknowledgements.add({ packetId, bytes, taken: taken.promise }),
    );
    assertEquals(rooms.map((room) => room !== undefined), rooms.map((_, index) => index === count - 1));
    let hasRoom = false;
    rooms.at(-1)?.then(() => hasRoom = true);
    await settle();
    assertEquals(hasRoom, false);
    taken.resolve();
    await settle();
    assertEquals(hasRoom, true);
    assertEquals(acknowledgements.add({ packetId: 1, bytes: 1, taken: undefined }), undefined);
  }
});
