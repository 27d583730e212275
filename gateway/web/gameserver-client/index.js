// A client of the game server: one session, over as many WebSockets as it takes. No dependencies.
//
// Every event keeps its number until it is answered. After a lost connection the session is resumed, on whichever gateway
// answers, and what was not answered is sent again with the numbers that it had. So nothing takes effect twice.

export const PROTOCOL = 1;

/** One event did not take effect; the connection goes on. The codes are listed in the protocol's document. */
export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.name = "Refused";
    this.code = code;
  }
}

/** The session is over, or no gateway answers. Events that were not answered may have taken effect. */
export class ConnectionLost extends Error {
  constructor(code, message) {
    super(message);
    this.name = "ConnectionLost";
    this.code = code;
  }
}

// After these the session goes on, on another connection; after any other goodbye of one who plays it is over.
const RESUMABLE = new Set(["going_away", "too_many_unanswered", "idle_timeout", "half_closed"]);
// An entrance that is refused so may be granted in a moment.
const TRANSIENT = new Set(["busy", "unavailable", "stale", "dead_lettered", "flooding", "entering"]);
// The server says so however often it is asked.
const FINAL = new Set(["protocol_mismatch", "catalogue_mismatch"]);
const IDS_KEPT = 1024;
const SIGNS_PER_IDLE = 3; // so often a client that says nothing pings before it would be hung up on
const GONE_KEPT = 256;
const CELL = 8; // tiles: one sees one's own cell and the eight around it

/** The limits and times of a client; each may be given to the constructor. Times in milliseconds. */
export const DEFAULTS = {
  window: 0, // events that may be unanswered at a time; 0: as many as the server lets wait in a lane
  backoffBase: 200,
  backoffCap: 5000,
  connectMax: 5000, // for one gateway to accept a connection
  attemptMax: 15000, // for one attempt to connect, be greeted and resume
  silenceMax: 5000, // without a packet until the server is pinged, and again until the connection is given up
  ackDelay: 200,
  ackIdsMax: 64,
  ledAgain: 60000, // before an address that could not be reached is tried again, should a gateway name it
};

/**
 * `urls`: gateways, tried in turn. `options`: those of DEFAULTS, and `WebSocket` (a class), `random`, `now`,
 * `setTimeout`, `clearTimeout`, `token` (of a session to resume, with `sent` and `attempt` as `session` gave them).
 *
 * Listeners: `on("heard", notice => ...)` for a type of notice, `on("*", ...)` for all, `on("state", state => ...)` for
 * "connecting", "greeted", "playing", "away", "over"; `on("packet", (direction, packet) => ...)` for all that travels.
 */
export class Client {
  constructor(urls, options = {}) {
    this.urls = [].concat(urls);
    this.options = { ...DEFAULTS, ...options };
    this.state = "connecting";
    this.view = new View();
    this.reconnects = 0;
    this.welcome = null;
    this.token = options.token || "";
    this.session = "";
    this.reason = null; // why it is over
    this.lost = null; // why the connection before this one was given up
    this._WebSocket = options.WebSocket || globalThis.WebSocket;
    this._random = options.random || Math.random;
    this._now = options.now || Date.now;
    this._later = options.setTimeout || ((call, ms) => setTimeout(call, ms));
    this._never = options.clearTimeout || ((timer) => clearTimeout(timer));
    this._listeners = new Map();
    this._pending = new Map(); // number -> {packet, resolve, reject, counted}, in the order of the numbers
    this._waiting = []; // events for which there is no room in the window yet
    this._counted = 0;
    this._seq = options.sent || 0;
    this._attempt = options.attempt || 0;
    this._ids = new Set(); // of durable notices that were delivered
    this._acks = new Set();
    this._acking = false;
    this._socket = null;
    this._asked = null; // the handshake that waits for its answer
    this._handshakeSeq = 0;
    this._failures = 0;
    this._url = 0;
    this._named = ""; // by a gateway: where to go next
    this._shunned = { url: "", until: 0 };
    this._led = -Infinity; // when it was led last
    this._timers = {};
  }

  /** What is to be kept where the session shall be resumed by another page: give it as options. */
  get saved() {
    return { token: this.token, sent: this._seq, attempt: this._attempt };
  }

  /** How many events wait for their reply. */
  get unanswered() {
    return this._pending.size + this._waiting.length;
  }

  on(type, listener) {
    if (!this._listeners.has(type)) this._listeners.set(type, new Set());
    this._listeners.get(type).add(listener);
    return () => this._listeners.get(type).delete(listener);
  }

  /** Connect and be greeted; with a token, resume. Tries until a gateway answers. */
  open() {
    return new Promise((resolve, reject) => {
      this._opened = { resolve, reject };
      this._connect();
    });
  }

  register(name, password) {
    return this._enter({ type: "register", name, password });
  }

  login(name, password) {
    return this._enter({ type: "login", name, password });
  }

  /** Send an event and wait for its reply, over a lost connection too. Gives the reply's data; throws `Refused`. */
  send(type, fields = {}) {
    if (this.state === "over") return Promise.reject(this.reason);
    if (this.state !== "playing" && this.state !== "away")
      return Promise.reject(new Refused("not_logged_in", "Register or log in first."));
    return new Promise((resolve, reject) => {
      this._waiting.push({ packet: { type, ...fields }, resolve, reject, counted: true });
      this._fill();
    });
  }

  /** End the session. */
  async logout() {
    try {
      await this.send("logout");
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    }
    this.close();
  }

  /** Close the connection; the session remains for a while, and `saved` resumes it. */
  close() {
    this._end(new ConnectionLost("closed", "This client was closed."));
  }

  /** Lose the connection, as a network does: it is replaced. */
  drop() {
    this._lost(new ConnectionLost("connection_lost", "The connection was given up."));
  }

  // Connecting.

  _connect() {
    const named = this._named;
    const url = named || this.urls[this._url++ % this.urls.length];
    this._named = "";
    if (named) this._shunned = { url, until: this._now() + this.options.ledAgain }; // until it is reached
    let socket;
    try {
      socket = new this._WebSocket(url, ["gameserver.json"]);
    } catch (error) {
      if (named) return this._lost(new ConnectionLost("unreachable", String(error)));
      this._end(new ConnectionLost("unreachable", String(error)));
      return;
    }
    this._socket = socket;
    const bound = (ms) => this._timer("attempt", ms, () => this._lost(new ConnectionLost("unreachable", `${url} does not answer.`)));
    bound(this.options.connectMax);
    socket.onopen = () => {
      if (this._socket !== socket) return;
      bound(this.options.attemptMax);
      this._ask({ type: "hello", protocol: PROTOCOL }, (welcome) => {
        if (named) this._shunned.url = "";
        this._greeted(welcome);
      });
    };
    socket.onmessage = (message) => this._socket === socket && this._take(JSON.parse(message.data));
    socket.onclose = socket.onerror = () =>
      this._socket === socket && this._lost(new ConnectionLost("connection_lost", "The connection was lost."));
  }

  _greeted(welcome) {
    this.welcome = welcome;
    this._window = Math.min(this.options.window || welcome.lane_waiting_max, welcome.lane_waiting_max);
    this._listen();
    this._promise();
    if (this.token) {
      this._resume(true);
    } else {
      this._failures = 0;
      this._stop("attempt");
      this._become("greeted");
      this._settle();
    }
  }

  _resume(full) {
    const more = full ? { sent: this._seq, attempt: ++this._attempt } : {};
    this._handshakeSeq = full ? 1 : 2;
    const packet = { type: "resume", token: this.token, ...more, seq: this._handshakeSeq };
    this._ask(
      packet,
      (data) => {
        this.reconnects += this.state === "away" ? 1 : 0;
        this._entered(packet, data);
        this._settle();
      },
      (error) => {
        if (error.code === "bad_field" && full) this._resume(false); // a gateway of the version before
        else if (TRANSIENT.has(error.code)) this._lost(new ConnectionLost(error.code, error.message));
        else this._end(new ConnectionLost(error.code, error.message));
      },
    );
  }

  _enter(packet) {
    if (this.state !== "greeted" || this._asked)
      return Promise.reject(this.reason || new Refused(this._asked ? "entering" : "already_playing", "You can't enter now."));
    return new Promise((resolve, reject) => {
      this._handshakeSeq += 1;
      const accept = (data) => {
        this._entered(packet, data);
        resolve(data);
      };
      this._ask({ ...packet, seq: this._handshakeSeq }, accept, reject);
    });
  }

  _entered(event, data) {
    this._seq = Math.max(this._seq, this._handshakeSeq, data.seq || 0);
    this._failures = 0;
    this._stop("attempt");
    this.view.replied(event, data);
    for (const { packet } of this._pending.values()) this._write(packet); // before anything new
    this._become("playing");
    this._fill();
    this._acknowledge();
  }

  _ask(packet, accept, refuse = (error) => this._lost(error)) {
    this._asked = { re: packet.seq || 0, accept, refuse };
    this._write(packet);
  }

  _settle(error) {
    const opened = this._opened;
    this._opened = null;
    if (opened) error ? opened.reject(error) : opened.resolve(this);
  }

  _lost(reason) {
    const asked = this._asked;
    this._hangUp();
    if (this.state === "over") return;
    this.lost = reason;
    if (FINAL.has(reason.code)) return this._end(reason);
    if (this.state === "greeted" && asked && asked.re) asked.refuse(reason); // nobody knows whether it was let in
    if (this.state === "playing") this._become("away");
    else if (this.state === "greeted") this._become("connecting");
    const bound = Math.min(this.options.backoffCap, this.options.backoffBase * 2 ** Math.min(this._failures++, 20));
    this._timer("retry", this._random() * bound, () => this._connect());
  }

  _hangUp() {
    const socket = this._socket;
    this._socket = this._asked = null;
    for (const name of Object.keys(this._timers)) this._stop(name);
    if (socket) socket.close();
  }

  _end(reason) {
    if (this.state === "over") return;
    this.reason = reason;
    const asked = this._asked;
    this._hangUp();
    this._become("over");
    if (asked) asked.refuse(reason);
    const left = [...this._pending.values(), ...this._waiting];
    this._pending.clear();
    this._waiting = [];
    for (const request of left) request.reject(reason);
    this._settle(reason);
  }

  _become(state) {
    if (this.state === state) return;
    this.state = state;
    this._tell("state", state);
  }

  // Sending.

  _fill() {
    while (this._waiting.length && this._counted < this._window && this.state !== "over") {
      this._counted += 1;
      this._submit(this._waiting.shift());
    }
  }

  _submit(request) {
    this._seq += 1;
    request.packet.seq = this._seq;
    this._pending.set(this._seq, request);
    if (this.state === "playing") this._write(request.packet); // else it waits like all that is unanswered
  }

  _write(packet) {
    this._tell("packet", "sent", packet);
    this._socket.send(JSON.stringify(packet));
    this._promise();
  }

  // The server wants a sign of life, however much we hear of it.
  _promise() {
    if (this.welcome) this._timer("sign", (this.welcome.idle_s_max * 1000) / SIGNS_PER_IDLE, () => this._write({ type: "ping" }));
  }

  // Each packet that comes begins the silence anew; a silent server is asked before it is given up.
  _listen() {
    if (!this.welcome || !this._socket) return;
    this._timer("silence", this.options.silenceMax, () => {
      this._write({ type: "ping" });
      this._timer("silence", this.options.silenceMax, () => this._lost(new ConnectionLost("silent", "A ping was not answered.")));
    });
  }

  _acknowledge() {
    if (this._acking || !this._acks.size || this._timers.ack) return;
    this._timer("ack", this.options.ackDelay, () => {
      if (this.state !== "playing") return;
      const ids = [...this._acks].slice(0, this.options.ackIdsMax);
      for (const id of ids) this._acks.delete(id);
      this._acking = true;
      const resolve = () => {
        this._acking = false;
        this._acknowledge();
      };
      const reject = (error) => {
        this._acking = false;
        if (error instanceof ConnectionLost) return;
        for (const id of ids) this._acks.add(id);
        this._acknowledge();
      };
      this._submit({ packet: { type: "ack", ids }, resolve, reject, counted: false });
    });
  }

  // Receiving.

  _take(packet) {
    this._listen();
    this._tell("packet", "received", packet);
    const handler = this[`_on_${packet.type}`];
    if (handler) handler.call(this, packet);
    else if (packet.type !== "pong") this._notice(packet);
  }

  _on_welcome(packet) {
    if (this._asked && !this._asked.re) this._answered().accept(packet);
  }

  _on_token(packet) {
    this.token = packet.token;
    this.session = packet.session;
  }

  _on_ok(packet) {
    if (this._asked && this._asked.re === packet.re) return this._answered().accept(packet.data || {});
    const request = this._done(packet.re);
    if (!request) return;
    this.view.replied(request.packet, packet.data || {});
    request.resolve(packet.data || {});
  }

  _on_error(packet) {
    const refused = new Refused(packet.code, packet.message);
    if (this._asked && this._asked.re === (packet.re || 0)) return this._answered().refuse(refused);
    if (packet.code === "not_here" && this._pending.has(packet.re)) return this._putOff(packet.re);
    const request = this._done(packet.re);
    if (request) request.reject(refused);
    else this._notice(packet); // it answers nothing of ours, but somebody should see it
  }

  // We are not in the world yet: the same number again, and before what follows it. Resuming sends all in order.
  _putOff() {
    this.drop();
  }

  _on_bye(packet) {
    const reason = new ConnectionLost(packet.code, packet.message);
    if ((this.state === "playing" || this.state === "away") && !RESUMABLE.has(packet.code)) this._end(reason);
    else this._lost(reason);
  }

  // The players of one's place are served elsewhere. Who was led a moment ago stays: gateways might disagree.
  _on_elsewhere({ address }) {
    const now = this._now();
    const shunned = address === this._shunned.url && now < this._shunned.until;
    if (this.state !== "playing" || !/^wss?:/.test(address) || shunned || now < this._led + this.options.backoffCap) return;
    this._led = now;
    this._named = address;
    this._lost(new ConnectionLost("elsewhere", `This client goes to ${address}.`));
  }

  _answered() {
    const asked = this._asked;
    this._asked = null;
    return asked;
  }

  _done(re) {
    const request = this._pending.get(re);
    if (!request) return null;
    this._pending.delete(re);
    if (request.counted) this._counted -= 1;
    this._fill();
    return request;
  }

  _notice(notice) {
    if (notice.id) {
      this._acks.add(notice.id);
      this._acknowledge();
      if (this._ids.has(notice.id)) return;
      this._ids.add(notice.id);
      if (this._ids.size > IDS_KEPT) this._ids.delete(this._ids.values().next().value);
    }
    this.view.noticed(notice);
    this._tell(notice.type, notice);
    this._tell("*", notice);
  }

  _tell(type, ...told) {
    for (const listener of this._listeners.get(type) || []) {
      try {
        listener(...told);
      } catch (error) {
        console.error(error); // a listener's fault must not cost the connection
      }
    }
  }

  _timer(name, ms, call) {
    this._stop(name);
    this._timers[name] = this._later(() => {
      delete this._timers[name];
      call();
    }, ms);
  }

  _stop(name) {
    if (name in this._timers) this._never(this._timers[name]);
    delete this._timers[name];
  }
}

/**
 * The world as the player sees it: `me`, and `beings`, the others in view by id. What follows which notice or reply,
 * FOLLOWS says. Notices of different senders may overtake each other: what has a lower `v` than what is known is ignored.
 */
export class View {
  constructor() {
    this.me = {};
    this.zone = {};
    this.beings = new Map();
    this._gone = new Map(); // the `v` with which somebody left the view
    this._due = false; // whether a view is
    this._fresh = new Set(); // who appeared since it is
  }

  /** Follow the reply to an event that took effect. */
  replied(event, data) {
    FOLLOWS.get(event.type)?.(this, data);
  }

  /** Follow a notice. */
  noticed(notice) {
    FOLLOWS.get(notice.type)?.(this, notice);
  }

  /** Someone by id: oneself, or one of those in view. */
  get(id) {
    return id === this.me.id ? this.me : this.beings.get(id);
  }

  // What those functions use.

  /** Stand elsewhere: all that is in view there will be told. Those of another zone are out of view. */
  arrive({ zone, x, y }) {
    if (zone !== this.me.zone) this.beings = new Map();
    this._due = true;
    this._fresh = new Set();
    Object.assign(this.me, { zone, x, y });
  }

  /** Someone is in view. */
  show(being) {
    if (being.v < (this._gone.get(being.id) ?? 0)) return;
    this._gone.delete(being.id);
    this.beings.set(being.id, newer(this.beings.get(being.id), being));
    if (this._due) this._fresh.add(being.id);
  }

  /** These are in view, and of those who appeared since a view is due whom `keep` accepts. */
  showOnly(beings, keep) {
    const known = this.beings;
    const kept = [...this._fresh].map((id) => known.get(id)).filter((being) => being && keep(being));
    const here = beings.filter(({ id, v }) => v >= (this._gone.get(id) ?? 0)).map((being) => newer(known.get(being.id), being));
    this.beings = new Map([...kept, ...here].map((being) => [being.id, being]));
    this._due = false;
    this._fresh = new Set();
  }

  /** Someone is out of view, since a change of this number. */
  hide(who, v) {
    if (v < (this.beings.get(who)?.v ?? v)) return;
    this.beings.delete(who);
    this._gone.delete(who);
    this._gone.set(who, v);
    if (this._gone.size > GONE_KEPT) this._gone.delete(this._gone.keys().next().value);
  }

  /** Fields of someone in view, or of oneself, are others; without `v` whichever is newer. */
  change(who, { v, ...fields }) {
    const being = this.get(who);
    const known = being?.v ?? 0;
    if (being && (v ?? known) >= known) Object.assign(being, fields, { v: v ?? known });
  }
}

const newer = (known, told) => (known?.v > told.v ? known : { ...told });
const cell = (axis) => Math.floor(axis / CELL);
const inOneCell = (a, b) => a.zone === b.zone && cell(a.x) === cell(b.x) && cell(a.y) === cell(b.y);
const sees = (me, other) => Math.abs(cell(me.x) - cell(other.x)) <= 1 && Math.abs(cell(me.y) - cell(other.y)) <= 1;
const arrived = (view, there) => view.arrive(there);
const mine = (...names) => (view, told) => names.forEach((name) => (view.me[name] = told[name]));
const experienced = (view, { total }) => (view.me.xp = total);
const owning = mine("companions");

function entered(view, { player, session, seq, ...me }) {
  view.arrive(me);
  Object.assign(view.me, { id: player }, me);
}

/**
 * How a view follows what is told, by the name of a notice, or of an event for the data of its reply: functions of the view
 * and that. Python's view follows the same, so that both know the same of the bundled game; that of another game adds to it.
 */
export const FOLLOWS = new Map(
  Object.entries({
    register: entered,
    login: entered,
    resume: entered,
    move(view, data) {
      if (!inOneCell(view.me, data)) view.arrive(data);
      Object.assign(view.me, data);
    },
    enter: arrived,
    depart: arrived,
    putback: arrived,
    respawned(view, notice) {
      view.arrive(notice);
      view.me.hp = notice.hp;
    },
    view(view, { zone, title, width, height, you, beings }) {
      view.zone = { zone, title, width, height };
      const { id, x, y, ...seen } = you; // where I stand in a zone, the replies to my steps say
      if (zone !== view.me.zone) Object.assign(view.me, { zone, x, y });
      view.change(id, seen);
      view.showOnly(beings, (being) => sees(view.me, being));
    },
    appeared(view, { being }) {
      const { id, x, y, ...seen } = being;
      if (id === view.me.id) view.change(id, seen);
      else view.show(being);
    },
    moved(view, { who, x, y, v }) {
      if (view.beings.has(who)) view.change(who, { x, y, v });
    },
    vanished: (view, { who, v }) => view.hide(who, v),
    attack: (view, { target, hp }) => view.change(target, { hp }),
    cleave: (view, { hits }) => hits.forEach(({ target, hp }) => view.change(target, { hp })),
    struck: (view, { target, hp, v }) => view.change(target, { hp, v }),
    died: (view, { who }) => view.change(who, { hp: 0 }),
    rewarded: experienced,
    fallen: experienced,
    turnin: experienced,
    levelled: mine("level", "hp", "hp_max"),
    felt: mine("hp"),
    score: mine("level", "xp", "hp", "hp_max"),
    duelbegan: (view, { players }) => (view.me.rival = players.find((name) => name !== view.me.name) ?? ""),
    duelended: (view) => (view.me.rival = ""),
    tame: owning,
    release: owning,
    pets: owning,
    skies: (view, { part, weather }) => (view.me.sky = { part, weather }),
  }),
);
