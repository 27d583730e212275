// Plays with a clock of its own against sockets that say nothing: prints when which address was tried, and when it was pinged.
import { Client } from "../../gateway/web/gameserver-client/index.js";

let now = 0;
let timers = [];
const clock = {
  setTimeout: (call, ms) => (timers.push({ at: now + ms, call }), timers.at(-1)),
  clearTimeout: (timer) => (timers = timers.filter((each) => each !== timer)),
};

function pass(seconds, each = () => {}) {
  for (const end = now + seconds * 1000; now < end; now += 100) {
    for (const timer of timers.filter(({ at }) => at <= now)) if (timers.includes(timer)) clock.clearTimeout(timer), timer.call();
    each();
  }
}

const seen = [];
const welcome = { type: "welcome", lane_waiting_max: 32, idle_s_max: 30 };

// `accepts`: connects; `talks`: says something all the time, and answers pings.
function scene(name, { accepts, talks, seconds }) {
  let socket;
  class Socket {
    constructor(url) {
      socket = this;
      seen.push([name, now / 1000, url]);
      if (accepts) queue.push(() => (this.onopen(), this.say(welcome)));
    }
    say(packet) {
      this.onmessage({ data: JSON.stringify(packet) });
    }
    send(text) {
      if (JSON.parse(text).type === "ping") seen.push([name, now / 1000, "ping"]);
    }
    close() {}
  }
  const queue = [];
  now = 0;
  timers = [];
  const client = new Client(["one", "two"], { ...clock, WebSocket: Socket, random: () => 0 });
  client.open().catch(() => {});
  pass(seconds, () => (queue.length ? queue.shift()() : talks && socket.say({ type: "heard", text: "" })));
}

scene("silent", { accepts: true, seconds: 11 });
scene("talks", { accepts: true, talks: true, seconds: 25 });
scene("unreachable", { accepts: false, seconds: 6 });
console.log(JSON.stringify(seen));
