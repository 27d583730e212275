// Several players side by side, and all that travels. The forms are made from the catalogue's JSON Schema.

import { Client, Refused } from "/gameserver-client/index.js";

const PACKETS_MAX = 500;
const NAMES = ["Ada", "Bob", "Cora", "Dan", "Eve", "Finn"];
const QUIET = new Set(["ping", "pong"]);
const ENTRANCES = new Set(["register", "login", "resume", "logout"]);
const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket`;
const players = document.getElementById("players");
const catalogue = await (await fetch("/playground/catalogue.json")).json();
const schemas = catalogue.components.schemas;
const events = Object.entries(catalogue["x-events"]).filter(([name, { origin }]) => origin === "client" && !ENTRANCES.has(name));

/** A browser's WebSocket whose packets take so long each way, in their order. */
function slowSocket(delay) {
  return class {
    constructor(url, protocols) {
      this.socket = new WebSocket(url, protocols);
      this.socket.onopen = () => this.onopen();
      this.socket.onclose = () => this.onclose && this.onclose();
      this.socket.onmessage = (message) => this.later(() => this.onmessage(message));
    }
    send(text) {
      this.later(() => this.socket.readyState === WebSocket.OPEN && this.socket.send(text));
    }
    later(act) {
      delay() ? setTimeout(act, delay()) : act();
    }
    close() {
      this.socket.close();
    }
  };
}

class Player {
  constructor(n) {
    this.part = document.getElementById("player").content.firstElementChild.cloneNode(true);
    players.append(this.part);
    this.name = `${NAMES[n % NAMES.length]}${crypto.getRandomValues(new Uint16Array(1))[0]}`;
    this.sent = new Set(); // numbers that have travelled before
    this.$(".name").textContent = this.name;
    this.$(".type").append(...events.map(([name]) => new Option(name)));
    this.$(".type").value = "say";
    this.$(".type").addEventListener("change", () => this.showFields());
    this.$(".cut").addEventListener("click", () => {
      this.note("You cut the line.");
      this.client.drop();
    });
    this.$(".leave").addEventListener("click", () => this.client.logout().then(() => this.part.remove()));
    this.$(".event").addEventListener("submit", (event) => this.send(event));
    this.showFields();
    this.come();
  }

  $(css) {
    return this.part.querySelector(css);
  }

  async come() {
    const delay = () => Number(this.$(".delay").value) || 0;
    this.client = new Client(address, { WebSocket: slowSocket(delay) });
    this.client.on("packet", (direction, packet) => this.show(direction, packet));
    this.client.on("state", (state) => this.showState(state));
    await this.client.open();
    await this.client.register(this.name, `the secret of ${this.name}`);
  }

  showState(state) {
    this.$(".state").textContent = state;
    this.$(".state").dataset.state = state;
    this.note(state === "over" ? `over: ${this.client.reason.code}` : state);
  }

  show(direction, packet) {
    queueMicrotask(() => (this.$(".waits").textContent = `${this.client.unanswered} unanswered`)); // when it was dealt with
    if (QUIET.has(packet.type)) return;
    const told = { ...packet };
    for (const secret of ["password", "token"]) if (secret in told) told[secret] = "…";
    const line = this.line(`${direction} ${packet.type}`, JSON.stringify(told));
    if (direction !== "sent" || !packet.seq || ENTRANCES.has(packet.type)) return;
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
    this.$(".packets").scrollTop = this.$(".packets").scrollHeight; // its size is another one now
  }

  async send(event) {
    event.preventDefault();
    const type = this.$(".type").value;
    const fields = {};
    for (const input of this.part.querySelectorAll(".fields [name]")) {
      const value = read(input);
      if (value !== undefined) fields[input.name] = value;
    }
    for (let n = Number(this.$(".times").value) || 1; n > 0; n--)
      this.client.send(type, fields).catch((error) => error instanceof Refused || this.note(error.message));
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
  return ["array", "object"].includes(input.dataset.kind) ? JSON.parse(input.value) : input.value;
}

let count = 0;
const add = () => new Player(count++);
document.getElementById("add").addEventListener("click", add);
for (const button of document.querySelectorAll("[data-kill]"))
  button.addEventListener("click", async () => {
    const answer = await fetch(`/playground/kill/${button.dataset.kill}`, { method: "POST" });
    document.getElementById("said").textContent = await answer.text();
  });
add();
add();
