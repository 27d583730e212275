// Prints what goes over the playground's long line, and when, on a clock of its own: the delay becomes shorter, then none, meanwhile.
import { slowSocket } from "../../gateway/web/playground/line.js";

let [now, delay, timers] = [0, 0, []];
const clock = { now: () => now, setTimeout: (act, ms) => timers.push({ at: now + ms, act }) };
const seen = [];

class Socket {
  static OPEN = 1;
  readyState = 1;
  send(text) {
    seen.push(["sent", text, now]);
  }
}

function pass(until) {
  for (; now < until; now += 1) {
    const due = timers.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
    timers = timers.filter((timer) => !due.includes(timer));
    for (const { act } of due) act();
  }
}

const line = new (slowSocket(() => delay, Socket, clock))("ws://x", []);
line.onmessage = (text) => seen.push(["received", text, now]);
line.onclose = () => seen.push(["received", "closed", now]);
for (const [at, ms] of [[0, 100], [10, 20], [20, 0], [60, 50], [200, 0]]) {
  pass(at);
  delay = ms;
  line.send(`at ${at}`);
  line.socket.onmessage(`at ${at}`);
}
delay = 30;
line.socket.onmessage("goodbye");
line.socket.onclose();
pass(300);
console.log(JSON.stringify(seen));
