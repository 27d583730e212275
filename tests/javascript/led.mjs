// Follows a gateway that names another one; prints where it went, and why it left.
import { Client } from "../../gateway/web/gameserver-client/index.js";
import { WebSocket } from "./socket.mjs";

const lost = [];
const client = new Client(process.argv[2], { WebSocket, backoffBase: 1, backoffCap: 1 });
client.on("state", (state) => state === "away" && lost.push(client.lost.code));
await client.open();
await client.login("Ada", "a long secret");
const heard = new Promise((done) => client.on("heard", done));
const said = await client.send("say", { text: "I am led." });
await heard; // the script is at its end
client.close();
console.log(JSON.stringify({ said, lost, reconnects: client.reconnects }));
