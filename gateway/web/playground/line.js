// A WebSocket over a long line: each packet takes so long each way, and none overtakes another, however the delay changes.

const CLOCK = { now: () => performance.now(), setTimeout: (act, ms) => setTimeout(act, ms) };

/** One direction of a line. `delay()`: milliseconds, asked for each packet. */
export class Line {
  constructor(delay, clock = CLOCK) {
    this.delay = delay;
    this.clock = clock;
    this.underWay = []; // {due, act}, in the order in which they were put in
  }

  /** Do this when it has come through: after the delay, and after all that was put in before. */
  put(act) {
    const ms = this.delay();
    if (!ms && !this.underWay.length) return act();
    this.underWay.push({ due: this.clock.now() + ms, act });
    if (this.underWay.length === 1) this._wait();
  }

  _wait() {
    this.clock.setTimeout(() => this._arrive(), Math.max(0, this.underWay[0].due - this.clock.now()));
  }

  _arrive() {
    try {
      this.underWay[0].act(); // what this puts in waits behind the rest
    } finally {
      this.underWay.shift();
      if (this.underWay.length) this._wait();
    }
  }
}

/** Make a class like a browser's WebSocket, whose packets take `delay()` milliseconds each way. */
export function slowSocket(delay, WebSocket = globalThis.WebSocket, clock = CLOCK) {
  return class {
    constructor(url, protocols) {
      this.there = new Line(delay, clock);
      this.back = new Line(delay, clock);
      this.socket = new WebSocket(url, protocols);
      this.socket.onopen = () => this.onopen();
      this.socket.onmessage = (message) => this.back.put(() => this.onmessage(message));
      this.socket.onclose = () => this.back.put(() => this.onclose()); // after what was said before
    }
    send(text) {
      this.there.put(() => this.socket.readyState === WebSocket.OPEN && this.socket.send(text));
    }
    close() {
      this.socket.close();
    }
  };
}
