// A plain HTTP server in front of the game's database, as one would write it: a transaction for each request, no
// notices, no numbers, nothing sent again. It stands for what a transfer costs at least.
//
//   node server.js DATABASE TABLE      DATABASE: a file of SQLite, or postgresql://...; TABLE: the one with the coins
"use strict";
const http = require("node:http");

const [database, table] = process.argv.slice(2);
const transfer = database.startsWith("postgresql:") ? postgresql(database) : sqlite(database);

class Refused extends Error {}

function sqlite(file) {
  const db = require("better-sqlite3")(file);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = NORMAL");
  db.pragma("cache_size = -16000");
  const read = db.prepare(`SELECT coins FROM ${table} WHERE id = ?`);
  const add = db.prepare(`UPDATE ${table} SET coins = coins + ? WHERE id = ?`);
  const whole = db.transaction((from, to, coins) => {
    const giver = read.get(from);
    if (!giver || giver.coins < coins) throw new Refused("too_few_coins");
    add.run(-coins, from);
    if (add.run(coins, to).changes !== 1) throw new Refused("no_such_player");
    return giver.coins - coins;
  });
  return async (from, to, coins) => whole.immediate(from, to, coins);
}

function postgresql(url) {
  const { Pool } = require("pg");
  const parts = new URL(url.replace("@/", "@socket/"));
  const pool = new Pool({
    host: parts.searchParams.get("host"),
    user: parts.username,
    database: parts.pathname.slice(1),
    max: 20,
  });
  const read = `SELECT id, coins FROM ${table} WHERE id IN ($1, $2) ORDER BY id FOR UPDATE`;
  const write = `UPDATE ${table} SET coins = coins + CASE id WHEN $1 THEN -$3::int ELSE $3::int END WHERE id IN ($1, $2)`;
  return async (from, to, coins) => {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const rows = (await client.query({ name: "read", text: read, values: [from, to] })).rows;
      const giver = rows.find((row) => row.id === from);
      if (rows.length !== 2 || Number(giver.coins) < coins) throw new Refused("too_few_coins");
      await client.query({ name: "write", text: write, values: [from, to, coins] });
      await client.query("COMMIT");
      return Number(giver.coins) - coins;
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
  };
}

function answer(response, status, body) {
  const text = JSON.stringify(body) + "\n";
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": text.length });
  response.end(text);
}

const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    const { from, to, coins } = JSON.parse(body);
    transfer(from, to, coins).then(
      (left) => answer(response, 200, { coins: left }),
      (error) => answer(response, error instanceof Refused ? 409 : 500, { error: error.message }),
    );
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, "127.0.0.1", () => console.log(`plain listens on ${server.address().port}`));
