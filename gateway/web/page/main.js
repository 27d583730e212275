// The web client: one session of the library, what is seen of it, and what keys, mouse and fingers do.

import { Client, ConnectionLost, Refused } from "/gameserver-client/index.js";
import { healthOf, inWords, isDown } from "/health.js";
import { MapView, hue, isPeople } from "/map.js";
import { Panels } from "/panels.js";
import { Bag, Barter, Ground, called } from "/things.js";
import { Chart, STEPS, distance, findWay, foresee, step, towards } from "/walking.js";
import { WORDS } from "/words.js";

const STEP_MS = 130; // how often a held key walks
const AHEAD_MAX = 4; // steps that are not answered yet
const BLOW_MS = 1050; // the server allows one a second
const LINES_MAX = 400;
const GROUP_MS = 4000; // how often the members of one's group are looked after
const ASIDE = ["here", "bag", "more"]; // tabs that are not of the chat
const KEYS = {
  ArrowUp: "n", ArrowDown: "s", ArrowLeft: "w", ArrowRight: "e",
  KeyW: "n", KeyS: "s", KeyA: "w", KeyD: "e", KeyQ: "nw", KeyE: "ne", KeyZ: "sw", KeyC: "se",
  Numpad8: "n", Numpad2: "s", Numpad4: "w", Numpad6: "e", Numpad7: "nw", Numpad9: "ne", Numpad1: "sw", Numpad3: "se",
};
const LINK = {
  connecting: "Connecting …",
  greeted: "Connected",
  playing: "Connected",
  away: "Connection lost. Looking for another gateway …",
  over: "Disconnected",
};

const $ = (id) => document.getElementById(id);
const GROUP = "*"; // among those to whom one speaks
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const map = new MapView($("map"), $("minimap"), calm);
const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket`;

let client;
let charts = new Map(); // zone -> Chart, or the promise of one
let ahead = []; // directions of steps that are not answered yet
let stands = null; // where the last answer says that I stand
let held = new Set(); // directions whose keys are down
let walksAt = 0;
let goal = null; // {place} or {id}: where I walk by myself
let strikesAt = 0;
let tab = "all";
const ground = new Ground();
const bag = new Bag((type, fields, quietly) => ask(type, fields, quietly));
const channels = {
  names: JSON.parse(sessionStorage.getItem("channels") || "[]"),
  joined(name, history) {
    for (const { by, text, at_ms } of history) write("channel", [bold(by, hue(by)), ` to ${name}: ${text}`], at_ms);
    this.keep([...this.names.filter((one) => one !== name), name]);
  },
  left(name) {
    this.keep(this.names.filter((one) => one !== name));
  },
  keep(names) {
    this.names = names;
    sessionStorage.setItem("channels", JSON.stringify(names));
    showChannels();
  },
};
/** Who asks one for something, by name, until that is answered. */
class Asking {
  names = [];
  asked(name) {
    this.answered(name);
    this.names.push(name);
  }
  answered(name) {
    this.names = this.names.filter((one) => one.toLowerCase() !== name.toLowerCase());
  }
}
// The group: how its members are, as far as that was told. It is asked for now and then.
const group = {
  members: [],
  due: 0,
  changed() {
    this.due = performance.now();
  },
  show({ members }) {
    this.members = members;
    showParty();
    showChannels();
  },
  async look(now) {
    if (now < this.due || client.state !== "playing" || !panels.hasEvent("group")) return;
    this.due = now + GROUP_MS; // without an answer too
    const told = await ask("group", {}, true);
    if (told) this.show(told);
    if (!this.members.length) this.due = Infinity; // until something changes
  },
};
// Events for which this page has keys and buttons.
const COVERED = [
  "register", "login", "resume", "logout", "ack", "move", "look", "chart", "say", "shout", "whisper", "attack", "give", "purse",
  "take", "drop", "equip", "unequip", "use", "inventory", "examine", "offer", "accept", "retract",
];
const panels = new Panels((type, fields, quietly) => ask(type, fields, quietly), bag, {
  signs: () => chart()?.signs || [],
  me: () => client.view.me,
  whisper: (name) => whisperTo(name),
  toast,
  write,
  showCoins,
  channels,
  group,
  invites: new Asking(),
  challenges: new Asking(),
  beings: (kind) => [...client.view.beings.values()].filter((being) => being.kind === kind),
});
const barter = new Barter((type, fields, quietly) => ask(type, fields, quietly), bag, { toast, showCoins });
map.things = ground.things;

// What is there only where the game has an event.
const NEEDS = { strike: "attack", "tab-fight": "attack", "tab-bag": "inventory" };
const ACTS = [
  { text: "Whisper", event: "whisper", of: isPlayer, does: ({ name }) => whisperTo(name) },
  { text: "Give", event: "give", of: isPlayer, does: ({ name }) => openGift(name) },
  { text: "Trade", event: "offer", of: isPlayer, does: ({ name }) => barter.open(name) },
  { text: "Group", event: "invite", of: isPlayer, does: invite },
  { text: "Talk", event: "talkto", of: ({ kind }) => kind === "person", does: talkTo },
  { text: "Strike", event: "attack", of: (being) => !isPeople(being), does: hunt },
];

function isPlayer({ kind }) {
  return kind === "player";
}

// Connecting.

/** Which events the game has: without an answer there are no panels. */
async function learn() {
  const answer = await fetch("/events.json").catch(() => null);
  if (!answer?.ok) return;
  panels.learn(await answer.json(), COVERED);
  for (const [id, event] of Object.entries(NEEDS)) $(id).toggleAttribute("data-absent", !panels.hasEvent(event));
  delete $("beings").dataset.shown; // its buttons are others
}

async function begin() {
  const saved = JSON.parse(sessionStorage.getItem("session") || "null");
  client = new Client(address, saved && saved.token ? saved : {});
  listen();
  try {
    await client.open();
  } catch {
    return; // "over" has shown the door
  }
  if (client.state === "greeted") openDoor();
}

function listen() {
  const mine = client;
  client.on("state", (state) => mine === client && become(state));
  client.on("packet", () => mine === client && keep());
  client.on("*", (notice) => mine === client && noticed(notice));
}

function keep() {
  if (client.token && client.state !== "over") sessionStorage.setItem("session", JSON.stringify(client.saved));
  const busy = client.unanswered > 3;
  $("link").toggleAttribute("data-busy", busy && client.state === "playing");
}

function become(state) {
  $("link").dataset.state = state;
  const led = state === "away" && client.lost?.code === "elsewhere";
  $("link").lastElementChild.textContent = led ? "Going on at the gateway of this place …" : LINK[state];
  if (state === "playing") enter();
  if (state === "over") leave(client.reason);
}

function enter() {
  $("door").close();
  for (const id of ["hud", "side", "minimap", "pad"]) $(id).hidden = false;
  const { me } = client.view;
  map.me = me.id;
  ahead = [];
  stands = { x: me.x, y: me.y, zone: me.zone };
  $("name").textContent = me.name;
  $("badge").style.background = "hsl(44 82% 64%)";
  $("xp").parentElement.hidden = !healthOf(me); // a game has both, or neither
  if (!document.querySelector("dialog[open]") && document.activeElement === document.body) $("map").focus();
  lookUp(me.zone);
  ask("purse", {}, true).then((purse) => purse && showCoins(purse.coins));
  group.changed();
  bag.refresh();
}

function leave(reason) {
  if (reason.code === "closed") return;
  sessionStorage.removeItem("session");
  const texts = {
    taken_over: "You are playing somewhere else now.",
    logged_out: "You left. See you!",
    bad_token: "The session is over. Come in again.",
  };
  restart(texts[reason.code] || reason.message);
}

/** Another session, by way of the door. */
async function restart(message) {
  channels.keep([]);
  panels.page.invites.names = [];
  panels.page.challenges.names = [];
  client = new Client(address);
  listen();
  $("refused").textContent = message;
  await client.open();
  openDoor();
}

function openDoor() {
  const known = JSON.parse(localStorage.getItem("guest") || "null");
  $("guest").textContent = known ? `Play on as ${known.name}` : "Play now as a guest";
  if (!$("door").open) $("door").showModal();
}

async function come(how, name, password) {
  $("refused").textContent = "";
  try {
    await client[how](name, password);
    return true;
  } catch (error) {
    $("refused").textContent = error instanceof Refused ? error.message : "The connection was lost. Try again.";
    return error.code;
  }
}

async function playAsGuest() {
  const known = JSON.parse(localStorage.getItem("guest") || "null");
  if (known && (await come("login", known.name, known.password)) !== "bad_login") return;
  for (let tries = 0; tries < 5; tries++) {
    const guest = makeUpGuest();
    const done = await come("register", guest.name, guest.password);
    if (done === true) localStorage.setItem("guest", JSON.stringify(guest));
    if (done !== "name_taken") return;
  }
}

function makeUpGuest() {
  const [a, b, ...rest] = crypto.getRandomValues(new Uint8Array(20));
  const names = ["Wren", "Ash", "Briar", "Fen", "Hazel", "Linnet", "Moss", "Rowan", "Sorrel", "Tarn", "Vale", "Willow", "Robin", "Sedge"];
  const password = btoa(String.fromCharCode(...rest));
  return { name: `${names[a % names.length]}${100 + ((a * 256 + b) % 900)}`, password };
}

/** Send an event; what is refused is shown (unless `quietly`), and gives nothing. */
async function ask(type, fields, quietly = false) {
  try {
    return await client.send(type, fields);
  } catch (error) {
    if (error instanceof Refused) quietly || toast(error.message, "bad");
    else if (!(error instanceof ConnectionLost)) throw error;
    return null;
  }
}

// The map of the zone.

async function lookUp(zone) {
  const known = charts.get(zone);
  if (known instanceof Chart) {
    $("place").textContent = known.title;
    map.show(known);
    panels.arrive();
    return;
  }
  if (known) return;
  const asked = ask("chart");
  charts.set(zone, asked);
  const told = await asked;
  charts.delete(zone);
  if (told) charts.set(told.zone, new Chart(told));
  if (client.view.me.zone !== undefined && charts.get(client.view.me.zone) instanceof Chart) lookUp(client.view.me.zone);
  else if (told && told.zone !== client.view.me.zone) lookUp(client.view.me.zone); // walked on meanwhile
}

/** Somebody builds there: ask for the map anew. */
function lookAgain(zone) {
  charts.delete(zone);
  if (zone === client.view.me.zone) lookUp(zone);
}

function chart() {
  const found = charts.get(client.view.me.zone);
  return found instanceof Chart ? found : null;
}

// Walking: shown at once, corrected by the answer.

function place() {
  const here = chart();
  return here && stands ? foresee(here, stands, ahead) : stands;
}

function walk(dir) {
  const here = chart();
  if (!here || client.state !== "playing" || ahead.length >= AHEAD_MAX || isDown(client.view.me)) return false;
  const from = place();
  if (from.leaves || !step(here, from, dir)) return false;
  ahead.push(dir);
  const asked = client;
  client.send("move", { dir }).then(
    (data) => asked === client && stepped(data),
    (error) => asked === client && stepped(null, error),
  );
  return true;
}

function stepped(data, error) {
  ahead.shift();
  if (data && "x" in data) {
    const changed = data.zone !== stands.zone;
    stands = data;
    if (changed) {
      goal = null;
      lookUp(data.zone);
    }
  } else if (error instanceof Refused && error.code === "dead") goal = null;
}

function walkOn(now) {
  if (now < walksAt || !client || client.state !== "playing") return;
  const dir = heldDirection() || nextOfGoal(now);
  if (dir && walk(dir)) walksAt = now + STEP_MS;
}

function heldDirection() {
  let [dx, dy] = [0, 0];
  for (const dir of held) [dx, dy] = [dx + STEPS[dir][0], dy + STEPS[dir][1]];
  const [x, y] = [Math.sign(dx), Math.sign(dy)];
  const both = Object.keys(STEPS).find((dir) => STEPS[dir][0] === x && STEPS[dir][1] === y);
  const here = chart();
  if (!both || !here) return "";
  if (step(here, place(), both)) return both;
  return [...held].find((dir) => step(here, place(), dir)) || ""; // along the wall
}

function nextOfGoal(now) {
  const here = chart();
  map.way = [];
  if (!goal || !here) return "";
  const from = place();
  if (goal.thing && distance(from, goal.thing) <= 1) {
    take(goal.thing);
    return stop();
  }
  const prey = goal.id && client.view.beings.get(goal.id);
  if (goal.id && !prey) return stop();
  if (prey && distance(from, prey) <= 1) {
    strike(prey, now);
    return "";
  }
  const way = findWay(here, from, prey || goal.thing || goal.place, prey || goal.thing ? 1 : 0);
  if (!way || !way.length) return stop();
  let at = from;
  map.way = way.map((dir) => (at = step(here, at, dir)));
  return way[0];
}

function stop() {
  goal = null;
  map.target = "";
  map.way = [];
  return "";
}

function strike(prey, now) {
  if (now < strikesAt) return;
  strikesAt = now + BLOW_MS;
  client.send("attack", { target: prey.id }).catch((error) => {
    if (!(error instanceof Refused) || ["cooldown", "out_of_reach"].includes(error.code)) return;
    toast(error.message, "bad");
    stop();
  });
}

function strikeNearest() {
  const from = place();
  const near = [...client.view.beings.values()].filter((being) => !isPeople(being));
  near.sort((a, b) => distance(from, a) - distance(from, b));
  if (near.length) hunt(near[0]);
  else toast("Nobody is near to be struck.");
}

/** Talk to one of the world's people, in the panel that shows what such people ask for. */
function talkTo(being) {
  if (!panels.openPanel("quests")) return;
  openMore();
  panels.act("talkto", { person: being.id });
}

function hunt(being) {
  goal = { id: being.id };
  map.target = being.id;
}

// What is told.

// What notices do beside what the view follows, and words (words.js) or panels (tables.js) say.
const DOES = {
  view: sight,
  heard,
  struck: ({ target, damage }, now) => map.hit(target, `−${damage}`, isMe(target) ? "#ff8d80" : "#ffe08a", now),
  died,
  respawned: putElsewhere,
  putback: putElsewhere,
  received: ({ total }) => showCoins(total),
  unavailable,
  ground: (notice) => ground.ground(notice),
  laid: (notice) => ground.laid(notice),
  lifted: (notice) => ground.lifted(notice),
  handed: () => bag.refresh(),
  broke: () => bag.refresh(),
  proposed: (notice) => barter.proposed(notice),
  accepted: (notice) => barter.accepted(notice),
  retracted: (notice) => barter.retracted(notice),
  traded,
  walled: ({ zone }) => lookAgain(zone),
  placed: ({ zone }) => lookAgain(zone),
  unplaced: ({ zone }) => lookAgain(zone),
  skies: ({ part }) => (map.canvas.dataset.part = part),
  error: ({ message }) => toast(message, "bad"),
};

function noticed(notice) {
  DOES[notice.type]?.(notice, performance.now());
  say(notice);
  panels.noticed(notice);
  map.things = ground.things;
}

const said = new Map(); // what was said last of notices that are told again and again

/** Say what the page has words for. */
function say(notice) {
  const words = WORDS[notice.type];
  const text = words?.says(notice, { isMe, nameOf });
  if (!text || (words.once && said.get(notice.type) === text)) return;
  if (words.once) said.set(notice.type, text);
  write(words.tab, [text]);
  if (words.toast !== undefined) toast(text, words.toast);
}

function traded(notice) {
  showCoins(notice.coins);
  barter.traded(notice);
}

async function takeNearest() {
  const thing = ground.nearest(place());
  if (!thing) return toast("Nothing lies in view.");
  reach(thing);
}

/** Take a thing, walking there first. */
function reach(thing) {
  stop();
  goal = { thing };
}

async function take(thing) {
  const taken = await ask("take", { thing: thing.id });
  if (!taken) return;
  write("news", [`You took ${called(taken.thing)}.`]);
  bag.refresh();
}

function sight({ zone, you }) {
  ground.forget();
  lookUp(zone);
  if (!stands || (stands.zone !== zone && !ahead.length)) stands = { zone, x: you.x, y: you.y };
}

function heard({ how, by, text, channel, at_ms }, now) {
  if (how === "say" || how === "shout") map.say(by, text, now);
  const words = { say: "", shout: " shouts", whisper: " whispers", channel: ` to ${channel}`, group: " to the group" }[how] ?? "";
  write(how === "say" ? "say" : how, [bold(by, hue(by)), `${words}: ${text}`], at_ms);
}

function isMe(id) {
  return id === client.view.me.id;
}

function nameOf(id) {
  return isMe(id) ? "You" : (client.view.beings.get(id) || {}).name || id;
}

function died({ who }) {
  if (isMe(who) || (goal && goal.id === who)) stop();
  if (isMe(who)) toast("You are dead. You will be back in a moment.", "bad");
}

/** Stand where the server says, without a step: those that are not answered lead nowhere. */
function putElsewhere({ zone, x, y }) {
  stop();
  stands = { zone, x, y };
  ahead = [];
  lookUp(zone);
}

function unavailable({ family, back: again }) {
  toast(again ? `${family} is there again.` : `${family} does not answer. What you did waits.`, again ? "" : "bad");
}

/** The members of one's group beside oneself, with their health. */
function showParty() {
  const others = group.members.filter(({ id }) => id !== client.view.me.id);
  $("party").hidden = !others.length;
  $("party").replaceChildren(
    ...others.map((member) => {
      const { name, present = true } = member;
      const made = document.createElement("li");
      made.append(name, bar(present ? (healthOf(member)?.part ?? 1) : 0));
      made.setAttribute("aria-label", present ? `${name}${inWords(member)}` : `${name}, not in the world`);
      return made;
    }),
  );
}

function showCoins(total) {
  $("coins").parentElement.hidden = false;
  $("coins").textContent = total.toLocaleString("en");
}

// The log.

function bold(text, tint) {
  const made = document.createElement("b");
  made.textContent = text;
  if (tint !== undefined) made.style.color = `hsl(${tint} 70% 76%)`;
  return made;
}

function write(kind, parts, at = Date.now()) {
  const line = document.createElement("li");
  line.className = kind;
  line.dataset.tab = kind.split(" ")[0];
  const time = document.createElement("time");
  const moment = new Date(at);
  time.dateTime = moment.toISOString();
  time.textContent = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  line.append(time, ...parts);
  line.hidden = !belongs(line);
  const log = $("log");
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(line);
  while (log.children.length > LINES_MAX) log.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
  const own = document.querySelector(`#tabs [data-tab="${line.dataset.tab}"]`);
  if (own && line.hidden) own.toggleAttribute("data-new", true);
}

function belongs(line) {
  return tab === "all" || ASIDE.includes(tab) || line.dataset.tab === tab || (tab === "say" && line.dataset.tab === "shout");
}

function choose(name) {
  tab = name;
  for (const button of document.querySelectorAll("#tabs button")) {
    const chosen = button.dataset.tab === name;
    button.setAttribute("aria-selected", chosen);
    button.tabIndex = chosen ? 0 : -1;
    if (!chosen) continue;
    button.removeAttribute("data-new");
    button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  for (const aside of ASIDE) $(aside).hidden = name !== aside;
  $("chat").hidden = ASIDE.includes(name);
  $("chat").setAttribute("aria-labelledby", `tab-${name}`);
  for (const line of $("log").children) line.hidden = !belongs(line);
  $("log").scrollTop = $("log").scrollHeight;
  if (name === "here") showHere();
  if (name === "bag") bag.refresh();
  if (name === "more") panels.refresh();
}

function toast(text, kind = "") {
  const made = document.createElement("li");
  made.textContent = text;
  made.className = kind;
  $("toasts").append(made);
  while ($("toasts").children.length > 3) $("toasts").firstElementChild.remove();
  setTimeout(() => made.remove(), 4500);
}

// Who is here.

function showHere() {
  const others = [...client.view.beings.values()];
  $("count").textContent = others.length;
  if (tab !== "here") return;
  const from = place() || { x: 0, y: 0 };
  others.sort((a, b) => distance(from, a) - distance(from, b) || (a.id < b.id ? -1 : 1));
  const shown = JSON.stringify(others.map((being) => [being.id, distance(from, being), healthOf(being)]));
  if ($("beings").dataset.shown === shown) return;
  $("beings").dataset.shown = shown;
  const focused = document.activeElement?.dataset?.for;
  $("beings").replaceChildren(...(others.length ? others.map((being) => row(being, from)) : [nobody()]));
  if (focused) document.querySelector(`[data-for="${CSS.escape(focused)}"]`)?.focus();
}

function nobody() {
  const made = document.createElement("li");
  made.className = "none";
  made.textContent = "Nobody is in view.";
  return made;
}

function row(being, from) {
  const made = document.createElement("li");
  made.dataset.kind = isPeople(being) ? "player" : "creature";
  const dot = document.createElement("i");
  dot.style.background = `hsl(${isPlayer(being) ? hue(being.name) : (hue(being.kind) + 300) % 360} 55% 58%)`;
  const name = document.createElement("span");
  const where = document.createElement("small");
  const far = distance(from, being);
  where.textContent = `${far} ${far === 1 ? "step" : "steps"} ${compass(from, being)}`;
  name.append(bold(being.name), where);
  const acts = document.createElement("span");
  acts.className = "acts";
  for (const { text, event, of, does } of ACTS) if (of(being) && panels.hasEvent(event)) acts.append(act(text, being, () => does(being)));
  made.append(dot, name, acts);
  const health = healthOf(being);
  if (health?.part < 1) made.append(bar(health.part));
  return made;
}

async function invite({ name }) {
  if (await ask("invite", { to: name })) toast(`You asked ${name} into your group.`);
}

function act(text, being, does) {
  const made = document.createElement("button");
  made.textContent = text;
  made.dataset.for = `${text} ${being.id}`;
  made.setAttribute("aria-label", `${text} ${being.name}`);
  made.addEventListener("click", does);
  return made;
}

function bar(part) {
  const made = document.createElement("div");
  made.className = "bar";
  made.append(document.createElement("span"));
  level(made, part);
  return made;
}

function level(made, part) {
  made.firstElementChild.style.transform = `scaleX(${Math.max(0, part)})`;
  made.dataset.level = part > 0.5 ? "high" : part > 0.25 ? "mid" : "low";
}

/** Open the panels, whose first choice has the focus. */
function openMore() {
  $("fold").setAttribute("aria-expanded", "true");
  choose("more");
  document.querySelector("#panel-choice [aria-pressed=true]")?.focus();
}

function compass(from, to) {
  const names = { n: "north", ne: "north-east", e: "east", se: "south-east", s: "south", sw: "south-west", w: "west", nw: "north-west" };
  return names[towards(from, to)] || "";
}

function tellSituation() {
  const { me, beings } = client.view;
  const from = place();
  const near = [...beings.values()].sort((a, b) => distance(from, a) - distance(from, b)).slice(0, 5);
  const said = near.map((being) => `${being.name}, ${distance(from, being)} ${compass(from, being)}`);
  $("situation").textContent = `You stand at ${from.x}, ${from.y} in ${$("place").textContent}${inWords(me)}. ${said.join("; ") || "Nobody is near"}.`;
}

// Speaking and giving.

function whisperTo(name) {
  choose("whisper");
  $("how").value = "whisper";
  $("to").value = name;
  showHow();
  $("say").focus();
}

function showHow() {
  const how = $("how").value;
  const hints = { say: "Speak to those who see you", shout: "Shout through the zone", whisper: "Only one will hear it" };
  $("to").hidden = how !== "whisper";
  $("say").placeholder = hints[how] || (how === GROUP ? "Only your group will hear it" : `Speak to ${how.slice(1)}`);
}

/** The channels that one has joined are among those to whom one speaks. */
function showChannels() {
  const how = $("how").value;
  for (const option of [...$("how").options]) if (/^[#*]/.test(option.value)) option.remove();
  $("how").append(...channels.names.map((name) => new Option(`To ${name}`, `#${name}`)));
  if (group.members.length) $("how").append(new Option("To the group", GROUP));
  $("how").value = [...$("how").options].some(({ value }) => value === how) ? how : "say";
  showHow();
}

/** The event by which one speaks so. */
function spoken(how, text) {
  if (how === "whisper") return [how, { to: $("to").value.trim(), text }];
  if (how === GROUP) return ["grouptalk", { text }];
  return how.startsWith("#") ? ["talk", { channel: how.slice(1), text }] : [how, { text }];
}

async function speak(event) {
  event.preventDefault();
  const how = $("how").value;
  const text = $("say").value.trim();
  if (!text) return;
  $("say").value = "";
  const [type, fields] = spoken(how, text);
  const said = await ask(type, fields);
  if (said && how === "whisper") write("whisper", ["You whisper to ", bold(fields.to, hue(fields.to)), `: ${text}`]);
  if (!said && !$("say").value) $("say").value = text;
}

function openGift(name) {
  $("gift-to").textContent = name;
  $("gift").returnValue = "";
  $("gift").showModal();
  $("amount").select();
}

async function give() {
  if ($("gift").returnValue !== "give") return;
  const to = $("gift-to").textContent;
  const amount = Number($("amount").value);
  const given = await ask("give", { to, coins: amount });
  if (!given) return;
  showCoins(given.coins);
  write("news gold", [`You gave ${to} ${amount} coins.`]);
}

// Keys, mouse, fingers.

/** A key or a button goes down: what is shorter than a frame is a step, too. */
function hold(dir) {
  stop();
  held.add(dir);
  walkOn(performance.now());
}

function typing() {
  return document.querySelector("dialog[open]") || /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName || "");
}

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) return $("map").focus();
  if (typing() || event.ctrlKey || event.altKey || event.metaKey || !client || client.state === "over") return;
  const dir = KEYS[event.code];
  const inside = document.activeElement === $("map") || document.activeElement === document.body;
  if (dir && (inside || !event.code.startsWith("Arrow"))) {
    event.preventDefault();
    if (!event.repeat) hold(dir);
  } else if (event.key === "Enter" && inside) {
    event.preventDefault();
    $("say").focus();
  } else if (event.code === "KeyF" || (event.code === "Space" && inside)) {
    event.preventDefault();
    strikeNearest();
  } else if (event.code === "KeyG") takeNearest();
  else if (event.code === "KeyL") tellSituation();
  else if (event.code === "KeyM") openMore();
});
addEventListener("keyup", (event) => held.delete(KEYS[event.code]));
addEventListener("blur", () => held.clear());
$("map").addEventListener("blur", () => held.clear());

$("map").addEventListener("pointerdown", (event) => {
  if (!client || client.state !== "playing" || !chart()) return;
  const figure = map.figureAt(event.clientX, event.clientY);
  if (figure && figure.being.kind === "player") return whisperTo(figure.being.name);
  if (figure && figure.being.kind === "person") return talkTo(figure.being);
  if (figure) return hunt(figure.being);
  stop();
  const aim = map.tileAt(event.clientX, event.clientY);
  const thing = ground.at(aim.x, aim.y);
  if (thing) return reach(thing);
  const sign = chart().signAt(aim.x, aim.y);
  if (sign && panels.openAt(sign)) openMore();
  if (chart().isWalkable(aim.x, aim.y)) goal = { place: aim };
});

for (const button of document.querySelectorAll("#pad [data-dir]")) {
  const { dir } = button.dataset;
  button.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    hold(dir);
  });
  for (const type of ["pointerup", "pointercancel", "pointerleave"]) button.addEventListener(type, () => held.delete(dir));
  button.addEventListener("click", (event) => event.detail === 0 && walk(dir)); // by keyboard
}
$("strike").addEventListener("click", strikeNearest);

$("talk").addEventListener("submit", speak);
$("how").addEventListener("change", showHow);
$("gift").addEventListener("close", give);
$("guest").addEventListener("click", playAsGuest);
$("sign-in").addEventListener("click", () => come("login", $("login").value.trim(), $("password").value));
$("sign-up").addEventListener("click", () => come("register", $("login").value.trim(), $("password").value));
$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  $("sign-in").click();
});
$("door").addEventListener("cancel", (event) => event.preventDefault());
$("fold").addEventListener("click", () => $("fold").setAttribute("aria-expanded", $("fold").getAttribute("aria-expanded") !== "true"));
for (const button of document.querySelectorAll("#tabs button")) button.addEventListener("click", () => choose(button.dataset.tab));
$("tabs").addEventListener("keydown", (event) => {
  const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!way) return;
  const all = [...document.querySelectorAll("#tabs button")];
  const next = all[(all.findIndex((button) => button.dataset.tab === tab) + way + all.length) % all.length];
  choose(next.dataset.tab);
  next.focus();
});

// Each frame.

function frame(now) {
  if (client && client.view.me.id) {
    walkOn(now);
    group.look(now);
    const { me, beings } = client.view;
    const here = place();
    map.update([{ ...me, kind: "player", ...(here && !here.leaves ? { x: here.x, y: here.y } : {}) }, ...beings.values()], now);
    showHealth(me);
    showXp(me.xp);
    showHere();
  }
  map.draw(now);
  requestAnimationFrame(frame);
}

function showXp(xp = 0) {
  const shown = $("xp");
  if (shown.textContent !== String(xp)) shown.textContent = xp;
}

let shownHealth = "";
function showHealth(me) {
  const health = healthOf(me);
  $("health").hidden = !health;
  if (health && shownHealth !== inWords(me)) drawHealth(health);
  shownHealth = inWords(me);
}

function drawHealth({ left, full, part }) {
  const health = $("health");
  health.lastElementChild.textContent = `${left} / ${full}`;
  health.setAttribute("aria-valuenow", left);
  health.setAttribute("aria-valuemax", full);
  level(health, part);
}

requestAnimationFrame(frame);
showChannels();
learn();
begin();
