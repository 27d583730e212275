// What a program in TypeScript may write with the library's types, and what tsc must refuse. It is checked, never run.
import { Client, ConnectionLost, FOLLOWS, Refused, type Events, type Notices } from "gameserver-client";

const client = new Client(["ws://127.0.0.1:4080/socket"], { silenceMax: 1000, token: "x" });

export async function plays(): Promise<number> {
  await client.open();
  const me = await client.login("Ada", "a long secret");
  const place: string = me.zone;
  const { coins } = await client.send("give", { to: "Bob", coins: 3 });
  await client.send("purse");
  await client.send("lots"); // whose field may be left out
  const { lots } = await client.send("lots", { after: "a" });
  const titles: string[] = lots.map(({ title }) => title);
  client.on("heard", ({ by, text }) => console.log(by, text, place, titles));
  client.on("state", (state) => state === "playing");
  client.on("packet", (direction, packet) => direction === "sent" && packet.type);
  const kept: { token: string; sent: number; attempt: number } = client.saved;
  FOLLOWS.set("waved", (view, { who }) => view.change(who, { v: 3 }));
  const level: number | undefined = client.view.me.level;
  if (level) console.log(client.view.me.companions?.map(({ id }) => id));
  if (client.lost instanceof ConnectionLost) console.log(client.lost.code, kept);
  const move: Events["move"]["fields"] = { dir: "ne" };
  const heard: Partial<Notices["heard"]> = { how: "say" };
  console.log(move, heard, new Refused("wall", "There is no way.").code, client.view.get("ada")?.hp);
  return coins;
}

export async function isRefused(): Promise<void> {
  // @ts-expect-error: there is no such event
  await client.send("fly");
  // @ts-expect-error: a field is missing
  await client.send("give", { to: "Bob" });
  // @ts-expect-error: of another type
  await client.send("give", { to: "Bob", coins: "3" });
  // @ts-expect-error: no such field
  await client.send("purse", { of: "Bob" });
  // @ts-expect-error: no such direction
  await client.send("move", { dir: "up" });
  // @ts-expect-error: no such field in the reply
  (await client.send("purse")).gold;
  // @ts-expect-error: no such field of the notice
  client.on("heard", ({ loud }) => loud);
  // @ts-expect-error: no such option
  new Client("ws://a", { pingAlways: true });
}
