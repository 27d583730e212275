// Things: those on the ground, those that one carries and wears, and the window in which two exchange them.

import { distance } from "/walking.js";
import { hue } from "/map.js";

const $ = (id) => document.getElementById(id);

/** What lies in view, by id. Notices may overtake each other: what has a lower `v` than what is known is late. */
export class Ground {
  constructor() {
    this.things = new Map();
    this._gone = new Map();
  }

  /** All in view is told anew: `ground` follows, if anything lies there. */
  forget() {
    this.things.clear();
  }

  ground({ things }) {
    this.things = new Map(things.filter(({ id, v }) => v >= (this._gone.get(id) ?? 0)).map((thing) => [thing.id, thing]));
  }

  laid({ thing }) {
    const known = this.things.get(thing.id);
    if (thing.v >= (this._gone.get(thing.id) ?? 0) && !(known && known.v > thing.v)) this.things.set(thing.id, thing);
  }

  lifted({ thing, v }) {
    const known = this.things.get(thing);
    if (known && known.v > v) return;
    this.things.delete(thing);
    this._gone.delete(thing);
    this._gone.set(thing, v);
    if (this._gone.size > 200) this._gone.delete(this._gone.keys().next().value);
  }

  nearest(place) {
    return [...this.things.values()].sort((a, b) => distance(place, a) - distance(place, b))[0];
  }

  at(x, y) {
    return [...this.things.values()].find((thing) => thing.x === x && thing.y === y);
  }
}

export function called({ title, count = 0 }) {
  return count > 1 ? `${title} (${count})` : title;
}

/** The panel of what one carries and wears. `ask` sends an event and gives the data of its reply, or null. */
export class Bag {
  constructor(ask, tell) {
    this.ask = ask;
    this.tell = tell;
    this.things = [];
    this.worn = [];
    this.kinds = new Map(); // what `examine` told of a kind
    this.known = false; // whether the game has things at all
  }

  async refresh() {
    const told = await this.ask("inventory", {}, true); // of a game without things nobody need hear
    if (!told) return;
    this.known = true;
    this.things = told.things;
    this.worn = told.worn;
    for (const thing of [...this.things, ...this.worn]) await this._learn(thing);
    this.show();
  }

  has(id) {
    return this.things.some((thing) => thing.id === id);
  }

  /** What one carries that holds things. */
  get containers() {
    return this.things.filter(({ kind }) => this.kinds.get(kind)?.holds);
  }

  async _learn(thing) {
    if (this.kinds.has(thing.kind)) return;
    const told = await this.ask("examine", { thing: thing.id }, true);
    if (told) this.kinds.set(thing.kind, told);
  }

  show() {
    $("weighs").textContent = this.things.length + this.worn.length;
    const parts = [heading("You wear"), ...this.worn.map((thing) => this._row(thing, true))];
    if (!this.worn.length) parts.push(empty("Nothing yet."));
    parts.push(heading("You carry"), ...this.things.map((thing) => this._row(thing, false)));
    if (!this.things.length) parts.push(empty("Nothing. What lies on the ground you take with G, or by a click."));
    $("bag-list").replaceChildren(...parts);
  }

  _row(thing, isWorn) {
    const about = this.kinds.get(thing.kind) || {};
    const made = document.createElement("li");
    const dot = document.createElement("i");
    dot.style.background = `hsl(${hue(thing.kind)} 55% 60%)`;
    const name = document.createElement("span");
    const title = document.createElement("b");
    title.textContent = called(thing);
    const small = document.createElement("small");
    small.textContent = describe(about, thing);
    name.append(title, small);
    const acts = document.createElement("span");
    acts.className = "acts";
    if (isWorn) acts.append(this._act("Take off", "unequip", thing));
    if (!isWorn && about.slot) acts.append(this._act("Wear", "equip", thing));
    if (!isWorn && about.heals) acts.append(this._act("Use", "use", thing));
    if (!isWorn) acts.append(this._act("Drop", "drop", thing));
    made.append(dot, name, acts);
    return made;
  }

  _act(text, event, thing) {
    const made = document.createElement("button");
    made.textContent = text;
    made.setAttribute("aria-label", `${text} ${called(thing)}`);
    made.addEventListener("click", async () => {
      if (await this.ask(event, { thing: thing.id })) this.refresh();
    });
    return made;
  }
}

function describe({ attack, defence, heals, uses }, { used = 0 }) {
  const parts = [attack && `attack ${attack}`, defence && `defence ${defence}`, heals && `heals ${heals}`, uses && `${uses - used} of ${uses} uses left`];
  return parts.filter(Boolean).join(", ");
}

export function heading(text) {
  const made = document.createElement("li");
  made.className = "heading";
  made.textContent = text;
  return made;
}

export function empty(text) {
  const made = document.createElement("li");
  made.className = "none";
  made.textContent = text;
  return made;
}

/** The window in which two exchange things: what each offers, and who has accepted what. */
export class Barter {
  constructor(ask, bag, { toast, showCoins }) {
    this.ask = ask;
    this.bag = bag;
    this.toast = toast;
    this.showCoins = showCoins;
    this.with = "";
    this.theirs = new Map(); // player id -> what they offer: {by, things, coins, version}
    $("make-offer").addEventListener("click", () => this.offer());
    $("accept-offer").addEventListener("click", () => this.accept());
    $("barter").addEventListener("close", () => this.leave());
  }

  /** Open it with a player, by name. */
  async open(name) {
    this.with = name;
    this.agreed = false;
    $("barter-with").textContent = name;
    $("my-coins").value = 0;
    if (!$("barter").open) $("barter").showModal();
    await this.bag.refresh();
    $("my-things").replaceChildren(...this.bag.things.map(choice));
    if (!this.bag.things.length) $("my-things").append(empty("You carry nothing."));
    this.show();
  }

  show() {
    const offer = this.theirs.get(this.with.toLowerCase());
    const lines = offer ? [...offer.things.map(called), ...(offer.coins ? [`${offer.coins} coins`] : [])] : [];
    $("their-things").replaceChildren(...lines.map(plain));
    if (!lines.length) $("their-things").append(empty(offer ? "Nothing." : "No offer yet."));
    $("accept-offer").disabled = !offer;
  }

  async offer() {
    const chosen = [...document.querySelectorAll("#my-things input:checked")].map((box) => box.value);
    const coins = Number($("my-coins").value) || 0;
    const told = await this.ask("offer", { to: this.with, things: chosen, ...(coins ? { coins } : {}) });
    $("barter-said").textContent = told ? "Your offer stands." : "";
  }

  async accept() {
    const offer = this.theirs.get(this.with.toLowerCase());
    const told = offer && (await this.ask("accept", { to: this.with, version: offer.version }));
    if (!told) return;
    if (told.done) this.settled(told.coins);
    else $("barter-said").textContent = `Waiting until ${this.with} accepts too.`;
  }

  /** Both have accepted, this one last: no notice follows. */
  settled(coins) {
    this.showCoins(coins);
    this.toast(`You traded with ${this.with}.`, "good");
    this.theirs.delete(this.with.toLowerCase());
    this.close();
  }

  leave() {
    if (!this.with) return;
    const name = this.with;
    this.with = "";
    if (!this.agreed) this.ask("retract", { to: name }, true);
  }

  close() {
    this.agreed = true;
    $("barter").close();
    this.bag.refresh();
  }

  proposed(offer) {
    this.theirs.set(offer.by.toLowerCase(), offer);
    if (this.with.toLowerCase() === offer.by.toLowerCase()) this.show();
    else this.toast(`${offer.by} offers you a trade: choose Trade beside that name.`, "good");
  }

  accepted({ by }) {
    if (this.with.toLowerCase() === by.toLowerCase()) $("barter-said").textContent = `${by} accepts what you offer.`;
  }

  traded({ by }) {
    this.theirs.delete(by.toLowerCase());
    if (this.with.toLowerCase() === by.toLowerCase()) this.close();
    else this.bag.refresh();
  }

  retracted({ by }) {
    this.theirs.delete(by.toLowerCase());
    if (this.with.toLowerCase() === by.toLowerCase()) this.show();
  }
}

export function choice(thing) {
  const made = document.createElement("li");
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", value: thing.id });
  label.append(box, called(thing));
  made.append(label);
  return made;
}

function plain(text) {
  const made = document.createElement("li");
  made.textContent = text;
  return made;
}
