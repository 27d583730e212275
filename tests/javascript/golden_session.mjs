// What the Python client does in tests/unit/web/test_golden.py, done by the JavaScript library. Gives what came of it.
export async function play(Client, url, options) {
  const client = new Client(url, { ...options, backoffBase: 1 });
  const heard = [];
  client.on("heard", (notice) => heard.push(notice.text));
  let given; // sent as soon as the state changes, and once
  client.on("state", (state) => {
    if (state === "playing" && !given) given = client.send("give", { to: "Bob", coins: 3 });
  });
  await client.open();
  const me = await client.register("Ada", "a long secret");
  const asked = [given, client.send("say", { text: "one ☃" }), client.send("purse"), client.send("move", { dir: "e" })];
  const results = (await Promise.allSettled(asked)).map(({ value, reason }) => value ?? reason.code);
  await client.logout();
  const { zone, x, y, hp } = client.view.me;
  const beings = [...client.view.beings.values()].map((being) => [being.id, being.x, being.y, being.hp]);
  return { player: me.player, results, heard, stands: [zone, x, y, hp], beings, reconnects: client.reconnects };
}
