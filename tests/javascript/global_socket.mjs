// For versions of Node that have no WebSocket: programs find ours, as if there was one.
import { WebSocket } from "./socket.mjs";

globalThis.WebSocket = WebSocket;
