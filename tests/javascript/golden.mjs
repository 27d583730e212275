// Plays the golden session in Node: prints what came of it.
import { Client } from "../../gateway/web/gameserver-client/index.js";
import { play } from "./golden_session.mjs";
import { WebSocket } from "./socket.mjs";

console.log(JSON.stringify(await play(Client, process.argv[2], { WebSocket })));
