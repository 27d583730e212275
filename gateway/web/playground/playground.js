// Several players side by side, and all that travels. The forms are made from the catalogue's JSON Schema.

import { readJson } from "/fields.js";
import { Client } from "/gameserver-client/index.js";
import { slowSocket } from "/playground/line.js";

const PACKETS_MAX = 500;
const NAMES = ["Ada", "Bob", "Cora", "Dan", "Eve", "Finn"];
const QUIET = new Set(["ping", "pong"]);
const ENTRANCES = new Set(["register", "login", "resume"]);
const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket`;
const players = document.getElementById("players");
const catalogue = await (await fetch("/playground/catalogue.json")).json();
const schemas = catalogue.components.schemas;
const events = Object.keys(catalogue["x-events"]).filter((name) => catalogue["x-events"][name].origin === "client");

class Player {
  constructor(n) {
    this.part = document.getElementById("player").content.firstElementChild.cloneNode(true);
    players.append(this.part);
    const name = `${NAMES[n % NAMES.length]}${crypto.getRandomValues(new Uint16Array(1))[0]}`;
    this.known = { name, password: `the secret of ${name}` };
    this.$(".name").textContent = name;
    this.$(".type").append(...events.map((event) => new Option(event)));
    this.$(".type").value = "say";
    this.$(".type").addEventListener("change", () => this.showFields());
    this.$(".cut").addEventListener("click", () => {
      this.note("You cut the line.");
      this.client.drop();
    });
    this.$(".leave").addEventListener("click", () => this.leave().catch((error) => this.say(error.message)));
    this.$(".event").addEventListener("submit", (event) => this.submit(event));
    this.showFields();
    this.enter("register", this.known).catch((error) => this.say(error.message));
  }

  $(css) {
    return this.part.querySelector(css);
  }

  /** Enter the world with a connection of its own. `how`: one of ENTRANCES. */
  async enter(how, fields) {
    const before = this.client;
    const delay = () => Number(this.$(".delay").value) || 0;
    const client = (this.client = new Client(address, { ...(how === "resume" ? fields : {}), WebSocket: slowSocket(delay) }));
    this.sent = new Set(); // numbers that have travelled before
    before?.close();
    client.on("packet", (direction, packet) => client === this.client && this.show(direction, packet));
    client.on("state", (state) => client === this.client && this.showState(state));
    await client.open();
    if (how !== "resume") await client[how](fields.name, fields.password);
  }

  async leave() {
    if (this.isIn) await this.client.logout();
    this.client.close();
    this.part.remove();
  }

  get isIn() {
    return ["playing", "away"].includes(this.client.state);
  }

  showState(state) {
    this.$(".state").textContent = state;
    this.$(".state").dataset.state = state;
    if (state === "playing") this.$(".name").textContent = this.client.view.me.name;
    this.note(state === "over" ? `over: ${this.client.reason.code}` : state);
  }

  show(direction, packet) {
    queueMicrotask(() => (this.$(".waits").textContent = `${this.client.unanswered} unanswered`)); // when it was dealt with
    if (QUIET.has(packet.type)) return;
    const told = { ...packet };
    for (const secret of ["password", "token"]) if (secret in told) told[secret] = "…";
    const line = this.line(`${direction} ${packet.type}`, JSON.stringify(told));
    if (direction !== "sent" || !packet.seq || ENTRANCES.has(packet.type)) return; // they have numbers of their own
    if (this.sent.has(packet.seq)) {
      line.classList.add("again");
      line.title = "Sent again, with the number that it had";
    }
    this.sent.add(packet.seq);
  }

  note(text) {
    this.line("note", text);
  }

  line(kind, text) {
    const made = document.createElement("li");
    made.className = kind;
    made.textContent = text;
    const log = this.$(".packets");
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(made);
    while (log.children.length > PACKETS_MAX) log.firstElementChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
    return made;
  }

  // The form of an event.

  get schema() {
    return resolve(catalogue["x-events"][this.$(".type").value].schema);
  }

  showFields() {
    const { properties, required = [], description = "" } = this.schema;
    this.$(".about").textContent = description;
    const names = Object.keys(properties).filter((name) => name !== "type" && name !== "seq");
    this.$(".fields").replaceChildren(...names.map((name) => field(name, properties[name], required.includes(name))));
    if (ENTRANCES.has(this.$(".type").value)) this.fillIn({ ...this.known, ...this.client.saved });
    this.say("");
    this.$(".packets").scrollTop = this.$(".packets").scrollHeight; // its size is another one now
  }

  fillIn(known) {
    for (const input of this.inputs) if (input.name in known) input.value = known[input.name];
  }

  get inputs() {
    return [...this.part.querySelectorAll(".fields [name]")];
  }

  get fields() {
    return Object.fromEntries(this.inputs.map((input) => [input.name, read(input)]).filter(([, value]) => value !== undefined));
  }

  /** Say in the form what became of it. */
  say(text) {
    this.$(".wrong").textContent = text;
  }

  async submit(event) {
    event.preventDefault();
    this.say("");
    try {
      await this.send(this.$(".type").value, this.fields, Number(this.$(".times").value) || 1);
    } catch (error) {
      this.say(error.message);
    }
  }

  /** Who is in the world sends entrances, too: how the server answers is worth seeing. */
  async send(type, fields, times) {
    if (ENTRANCES.has(type) && !this.isIn) return this.enter(type, fields);
    if (!this.isIn) throw new Error("Nobody is in the world here: register, log in or resume first.");
    return Promise.all(Array.from({ length: times }, () => this.client.send(type, fields)));
  }
}

function resolve(schema) {
  return schema.$ref ? schemas[schema.$ref.split("/").at(-1)] : schema;
}

function field(name, shape, required) {
  const label = document.createElement("label");
  const text = document.createElement("span");
  text.textContent = required ? name : `${name} ?`;
  const whole = resolve(shape);
  const input = document.createElement(whole.enum ? "select" : "input");
  input.name = name;
  input.required = required;
  if (whole.enum) input.append(...(required ? [] : [new Option("")]), ...whole.enum.map((value) => new Option(value)));
  else if (whole.type === "integer" || whole.type === "number") Object.assign(input, { type: "number", min: whole.minimum, max: whole.maximum, step: whole.type === "integer" ? 1 : "any" });
  else if (whole.type === "boolean") input.type = "checkbox";
  else if (whole.maxLength) input.maxLength = whole.maxLength;
  input.dataset.kind = whole.type || "";
  label.append(text, input);
  const hint = shape.description || (["array", "object"].includes(whole.type) ? "JSON" : "");
  if (hint) {
    const small = document.createElement("small");
    small.textContent = hint;
    label.append(small);
  }
  return label;
}

function read(input) {
  if (input.type === "checkbox") return input.checked || undefined;
  if (input.value === "") return undefined;
  if (input.type === "number") return Number(input.value);
  return ["array", "object"].includes(input.dataset.kind) ? readJson(input) : input.value;
}

async function kill(what) {
  try {
    const answer = await fetch(`/playground/kill/${what}`, { method: "POST" });
    return await answer.text();
  } catch {
    return "No gateway answers.";
  }
}

let count = 0;
const add = () => new Player(count++);
document.getElementById("add").addEventListener("click", add);
for (const button of document.querySelectorAll("[data-kill]"))
  button.addEventListener("click", async () => (document.getElementById("said").textContent = await kill(button.dataset.kill)));
add();
add();
