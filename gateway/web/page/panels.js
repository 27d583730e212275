// Panels of what the game's modules let one do: a table says what each shows (tables.js), this shows it. What a field may
// hold comes from the catalogue; a panel whose events the game does not have is not there.

import { readJson } from "/fields.js";
import { PANELS } from "/tables.js";
import { called, choice, empty, heading } from "/things.js";

const $ = (id) => document.getElementById(id);

/**
 * `ask`: sends an event and gives the data of its reply, or null. `bag`: what one carries. `page`: `signs()` of the zone's
 * map, `me()`, `toast`, `write`, `showCoins`, `whisper`, `channels`.
 */
export class Panels {
  constructor(ask, bag, page) {
    this.ask = ask;
    this.bag = bag;
    this.page = page;
    this.events = {}; // of the catalogue: name -> {about, fields, required}
    this.entries = []; // what can be opened here: {panel, sign}
    this.open = null; // one of them
    this.data = null; // what was told of it
    this.asked = 0;
  }

  /** Learn what the game has. `covered`: the events for which the page has buttons and keys of its own. */
  learn(events, covered) {
    this.events = events;
    const known = new Set([...covered, ...PANELS.flatMap(({ needs }) => needs)]);
    this.others = Object.keys(events).filter((name) => !known.has(name));
    this.arrive();
  }

  hasEvent(name) {
    return name in this.events;
  }

  /** Open a panel by its name. Returns whether it is there. */
  openPanel(id) {
    const found = this.entries.find(({ panel }) => panel.id === id);
    if (found) this.choose(found);
    return found !== undefined;
  }

  has(panel) {
    return panel.needs.every((name) => name in this.events);
  }

  /** The zone is another one, or its map is known now: other places are there. */
  arrive() {
    this.entries = PANELS.filter((panel) => this.has(panel)).flatMap((panel) => this._entriesOf(panel));
    if (this.others?.length) this.entries.push({ panel: { id: "others", title: "Other", lists: [], forms: this.others.map(plainForm) }, sign: null });
    const same = this.open && this.entries.find((entry) => keyOf(entry) === keyOf(this.open));
    if (!same) this.data = null;
    this.open = same || this.entries.find(({ sign }) => !sign) || null;
    this.showChoice();
    if (this.visible) this.refresh();
  }

  _entriesOf(panel) {
    if (!panel.at) return [{ panel, sign: null }];
    return this.page.signs().filter(({ kind }) => kind === panel.at).map((sign) => ({ panel, sign }));
  }

  get visible() {
    return !$("more").hidden && !$("side").hidden;
  }

  /** Open what a sign on the map stands for. Returns whether there is such a panel. */
  openAt(sign) {
    const found = this.entries.find((entry) => entry.sign === sign) || this.entries.find(({ panel }) => panel.signs?.includes(sign.kind));
    if (!found) return false;
    this.choose(found);
    return true;
  }

  choose(entry) {
    this.open = entry;
    this.data = null;
    $("panel-said").textContent = "";
    this.showChoice();
    this.refresh();
  }

  showChoice() {
    keepingFocus($("panel-choice"), () => this.entries.map((entry) => {
      const made = button(entry.sign?.title || entry.panel.title, keyOf(entry));
      made.setAttribute("aria-pressed", entry === this.open);
      made.addEventListener("click", () => this.choose(entry));
      return made;
    }));
    $("panel-choice").querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }

  /** Ask how things stand, and show it. */
  async refresh(more = {}) {
    const entry = this.open;
    if (!entry) return this.show();
    const turn = ++this.asked;
    if (entry.panel.carried) await this.bag.refresh();
    const asked = entry.panel.ask?.(this.context);
    const told = asked ? await this.ask(asked[0], { ...asked[1], ...more }) : {};
    if (turn !== this.asked) return; // another one was opened meanwhile
    this.data = told;
    if (told) entry.panel.shown?.(told, this.context);
    this.show();
  }

  get context() {
    return { data: this.data, sign: this.open?.sign, bag: this.bag, me: this.page.me(), signs: this.page.signs(), page: this.page };
  }

  show() {
    if (!this.open) return $("panel").replaceChildren(empty("There is nothing of the kind here."));
    keepingFocus($("panel"), () => (this.data ? this._parts() : [empty("It can't be seen now.")]));
  }

  _parts() {
    const { panel } = this.open;
    const typed = typedIn($("panel"));
    const parts = [
      ...(panel.acts || []).map((act) => this._line(act)),
      ...panel.lists.flatMap((list) => this._list(list)),
      ...this._more(panel),
      ...(panel.forms || []).filter(({ event, unless }) => event in this.events && !unless?.(this.context)).map((form) => this._form(form)),
    ];
    queueMicrotask(() => typeAgain($("panel"), typed));
    return parts;
  }

  _line(act) {
    const made = document.createElement("p");
    made.append(...this._buttons([act], ""));
    return made;
  }

  _list({ title, none, rows, text, small, acts, bar }) {
    const { context } = this;
    const list = document.createElement("ul");
    list.className = "rows";
    const found = rows(context);
    list.append(heading(typeof title === "function" ? title(context) : title));
    for (const row of found) {
      const made = document.createElement("li");
      made.className = "plain";
      const name = document.createElement("span");
      name.append(text(row, context));
      const about = document.createElement("small");
      about.textContent = small ? small(row, context) : "";
      name.append(about);
      const does = document.createElement("span");
      does.className = "acts";
      does.append(...this._buttons((acts?.(row, context) || []).filter(Boolean), text(row, context)));
      made.append(name, does);
      if (bar) made.append(meter(bar(row, context)));
      list.append(made);
    }
    if (!found.length) list.append(empty(none));
    return [list];
  }

  /** Buttons for acts: {text, event, fields, amount?} or {text, does}. `of`: what they are about, for who cannot see it. */
  _buttons(acts, of) {
    return acts.filter(({ event, does }) => does || event in this.events).flatMap((act) => {
      const made = button(act.text, `${act.text} ${of}`);
      made.setAttribute("aria-label", `${act.text} ${of}`.trim());
      const amount = act.amount && amountInput(act.amount, this.events[act.event], of);
      made.addEventListener("click", () => {
        if (act.does) return act.does();
        if (amount && !amount.reportValidity()) return;
        this.act(act.event, { ...act.fields, ...(amount ? { [act.amount.field]: Number(amount.value) } : {}) }, made);
      });
      return amount ? [amount, made] : [made];
    });
  }

  _more({ more }) {
    const next = more?.(this.data);
    if (!next) return [];
    const made = button("More", "more");
    made.addEventListener("click", () => this.refresh(next));
    return [made];
  }

  /** Send an event, say what came of it, and show how things stand now. */
  async act(event, fields, pressed = null, done = () => {}) {
    if (pressed) pressed.disabled = true;
    const told = await this.ask(event, fields);
    if (pressed) pressed.disabled = false;
    if (!told) return;
    done();
    const panel = this.open?.panel;
    const coins = told.purse ?? told.coins;
    if (coins !== undefined) this.page.showCoins(coins);
    panel?.done?.[event]?.(told, fields, this.context);
    $("panel-said").textContent = panel?.said?.[event]?.(told, fields) ?? (panel?.id === "others" ? JSON.stringify(told) : "Done.");
    await Promise.all([this.refresh(), panel?.carried ? null : this.bag.refresh()]);
  }

  // Forms: what their fields may hold the catalogue says.

  _form({ title, event, fields, fixed, button: text = title }) {
    const made = document.createElement("form");
    made.className = "deed";
    made.autocomplete = "off";
    const { about, required } = this.events[event];
    const legend = document.createElement("h3");
    legend.textContent = title;
    legend.title = about;
    const inputs = Object.entries(fields || ownFields(this.events[event])).map(([name, as]) => this._field(event, name, as, required.includes(name)));
    const send = button(text, `send ${event}`);
    send.type = "submit";
    made.append(legend, ...inputs, send);
    made.addEventListener("submit", (submitted) => {
      submitted.preventDefault();
      const given = this._given(inputs);
      if (given) this.act(event, { ...fixed?.(this.context), ...given }, send, () => made.reset());
    });
    return made;
  }

  /** What was typed; null, and said why, where it can't be read. */
  _given(inputs) {
    try {
      return Object.fromEntries(inputs.map(({ field, read }) => [field, read()]).filter(([, value]) => value !== undefined));
    } catch (error) {
      this.page.toast(error.message, "bad");
      return null;
    }
  }

  /** A labelled input. `as`: its label, or {label, from, many}: chosen from things. */
  _field(event, name, as, required) {
    const { label, from, many } = typeof as === "string" ? { label: as } : as;
    const shape = this.events[event].fields[name];
    const made = document.createElement(many ? "fieldset" : "label");
    const text = document.createElement(many ? "legend" : "span");
    text.textContent = label;
    made.field = name;
    made.append(text);
    if (many) {
      const things = from(this.context);
      const boxes = document.createElement("ul");
      boxes.append(...(things.length ? things.map(choice) : [empty("You carry nothing.")]));
      made.append(boxes);
      made.read = () => [...boxes.querySelectorAll("input:checked")].map((box) => box.value);
      return made;
    }
    const input = inputFor(shape, required, from?.(this.context));
    input.name = `${event}.${name}`;
    made.append(input);
    made.read = () => valueOf(input, shape);
    return made;
  }

  // What is told meanwhile.

  /** Show a notice of a panel's. Returns whether it is one. */
  noticed(notice) {
    const panel = PANELS.find(({ told }) => told && notice.type in told);
    if (!panel || !this.has(panel)) return false;
    const text = panel.told[notice.type](notice, this.context);
    if (text) {
      this.page.write("news gold", [text]);
      this.page.toast(text, "good");
    }
    if (this.visible && this.open?.panel === panel) this.refresh();
    return true;
  }
}

function keyOf({ panel, sign }) {
  return `${panel.id} ${sign?.name || ""}`;
}

function plainForm(event) {
  return { title: event, event };
}

function ownFields({ fields }) {
  return Object.fromEntries(Object.entries(fields).map(([name, { description }]) => [name, description ? `${name}: ${description}` : name]));
}

function button(text, key) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.dataset.for = key;
  return made;
}

function inputFor({ type, enum: values, minimum, maximum, maxLength, default: value }, required, things) {
  if (things || values) {
    const made = document.createElement("select");
    if (!required) made.append(new Option("", ""));
    made.append(...(things ? things.map((thing) => new Option(called(thing), thing.id)) : values.map((one) => new Option(one))));
    return Object.assign(made, { required });
  }
  if (type === "boolean") return Object.assign(document.createElement("input"), { type: "checkbox" });
  const made = Object.assign(document.createElement("input"), { required });
  if (type === "integer") Object.assign(made, { type: "number", min: minimum, max: maximum, step: 1, inputMode: "numeric", defaultValue: value ?? "" });
  else if (maxLength) made.maxLength = maxLength;
  return made;
}

function valueOf(input, { type }) {
  if (input.type === "checkbox") return input.checked || undefined;
  if (input.value.trim() === "") return undefined;
  if (type === "integer") return Number(input.value);
  return type === "array" || type === "object" ? readJson(input) : input.value.trim();
}

function amountInput({ field, value, label }, { fields }, of) {
  const { minimum, maximum } = fields[field];
  const made = Object.assign(document.createElement("input"), { type: "number", min: minimum, max: maximum, value, inputMode: "numeric", name: `${field} ${of}` });
  made.setAttribute("aria-label", `${label}: ${of}`);
  return made;
}

function meter(part) {
  const made = document.createElement("div");
  made.className = "bar";
  const full = document.createElement("span");
  full.style.transform = `scaleX(${Math.max(0, Math.min(1, part))})`;
  made.dataset.level = part > 0.5 ? "high" : part > 0.25 ? "mid" : "low";
  made.append(full);
  return made;
}

/** Draw an element's children anew; the focus stays where it was. */
function keepingFocus(element, make) {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.dataset.for || focused?.name;
  element.replaceChildren(...make());
  if (!focused) return;
  const again = [...element.querySelectorAll("button, input, select")].find((one) => (one.dataset.for || one.name) === key);
  (again || element).focus();
}

function typedIn(element) {
  const fields = [...element.querySelectorAll(".deed input, .deed select")];
  return new Map(fields.filter((input) => input.type !== "checkbox" || input.checked).map((input) => [input.name || input.value, input.value]));
}

/** What was being typed is not lost when a panel is drawn anew; a form that was sent is empty by then. */
function typeAgain(element, typed) {
  for (const input of element.querySelectorAll(".deed input, .deed select")) {
    const before = typed.get(input.name || input.value);
    if (input.type === "checkbox") input.checked = before !== undefined;
    else if (before && (input.tagName !== "SELECT" || [...input.options].some(({ value }) => value === before))) input.value = before;
  }
}
