// What each panel shows, as a table. `needs`: its events. `at`: there is one for each sign of this kind on the zone's map;
// `signs`: kinds of signs that lead to it. `ask`: the event that tells how things stand, which `lists` show (`data`) and
// `shown` hears. `carried`: it needs to know the bag. `done`, `said`: what to do and to say when an event took effect;
// `told`: what to say of notices ("" for nothing).

import { healthOf, inWords } from "/health.js";
import { called } from "/things.js";

const LOTS_AT_ONCE = 50;

const coins = (count) => `${count.toLocaleString("en")} ${count === 1 ? "coin" : "coins"}`;
const named = (things) => things.map(called).join(", ");
const joined = (...parts) => parts.filter(Boolean).join(", ");
const carried = ({ bag }) => bag.things;
const day = (ms) => new Date(ms).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
const many = (count, one, more) => (count === 1 ? one : `${count} ${more}`);

/** A list of what one carries, each with a button. */
function ofBag(title, text, event, fields) {
  return {
    title,
    none: "You carry nothing.",
    rows: carried,
    text: called,
    acts: (thing, context) => [{ text, event, fields: { thing: thing.id, ...fields?.(context) } }],
  };
}

const shop = {
  id: "shop",
  title: "Shop",
  at: "shop",
  needs: ["wares", "buyfrom", "sellto"],
  carried: true,
  ask: ({ sign }) => ["wares", { shop: sign.name }],
  lists: [
    {
      title: ({ data }) => `${data.keeper} sells`,
      none: "Nothing.",
      rows: ({ data }) => data.sells,
      text: ({ title }) => title,
      small: ({ price, stock }) => joined(coins(price), stock ? `${stock} left` : "sold out"),
      acts: ({ kind, stock }, { sign }) => [
        stock && { text: "Buy", event: "buyfrom", fields: { shop: sign.name, kind }, amount: { field: "count", value: 1, label: "How many" } },
      ],
    },
    {
      title: ({ data }) => `${data.keeper} buys of you`,
      none: "Nothing of what you carry.",
      rows: ({ data, bag }) => bag.things.filter(({ kind }) => data.buys.some((ware) => ware.kind === kind)),
      text: called,
      small: ({ kind }, { data }) => `${coins(data.buys.find((ware) => ware.kind === kind).price)} each`,
      acts: ({ id }, { sign }) => [{ text: "Sell", event: "sellto", fields: { shop: sign.name, thing: id } }],
    },
  ],
  said: { buyfrom: ({ thing }) => `You bought ${called(thing)}.`, sellto: ({ paid }) => `You were paid ${coins(paid)}.` },
};

const bank = {
  id: "bank",
  title: "Bank",
  at: "counter",
  needs: ["vault", "deposit", "withdraw", "store", "retrieve"],
  carried: true,
  ask: () => ["vault", {}],
  lists: [
    {
      title: ({ data }) => `In the bank: ${coins(data.coins)}`,
      none: "No things.",
      rows: ({ data }) => data.things,
      text: called,
      acts: ({ id }) => [{ text: "Take out", event: "retrieve", fields: { thing: id } }],
    },
    ofBag("You carry", "Put away", "store"),
  ],
  forms: [
    { title: "Bring coins", event: "deposit", fields: { coins: "Coins" } },
    { title: "Take coins", event: "withdraw", fields: { coins: "Coins" } },
  ],
  said: {
    deposit: ({ bank: kept }) => `You have ${coins(kept)} in the bank.`,
    withdraw: ({ bank: kept }) => `You have ${coins(kept)} in the bank.`,
    store: ({ thing }) => `You put ${called(thing)} away.`,
    retrieve: ({ thing }) => `You took ${called(thing)} out.`,
  },
};

const chest = {
  id: "chest",
  title: "Chest",
  at: "chest",
  needs: ["peekin", "putin", "takeout"],
  carried: true,
  ask: ({ sign }) => ["peekin", { chest: sign.name }],
  lists: [
    {
      title: ({ data }) => `In it (${data.things.length} of ${data.holds}), for all to take`,
      none: "Nothing.",
      rows: ({ data }) => data.things,
      text: called,
      acts: ({ id }, { sign }) => [{ text: "Take out", event: "takeout", fields: { thing: id, chest: sign.name } }],
    },
    ofBag("You carry", "Put in", "putin", ({ sign }) => ({ chest: sign.name })),
  ],
  said: { putin: ({ thing }) => `You put ${called(thing)} in.`, takeout: ({ thing }) => `You took ${called(thing)} out.` },
};

const market = {
  id: "market",
  title: "Market",
  at: "stall",
  needs: ["lots", "sell", "buy", "bid", "unlist", "collect"],
  carried: true,
  ask: () => ["lots", {}],
  more: ({ lots }) => lots.length >= LOTS_AT_ONCE && { after: lots.at(-1).id },
  acts: [{ text: "Collect what the market keeps for you", event: "collect", fields: {} }],
  lists: [
    {
      title: "For sale",
      none: "Nothing is for sale.",
      rows: ({ data }) => data.lots,
      text: called,
      small: ({ seller, price, least, bid, until_ms }) =>
        joined(`of ${seller}`, price && `for ${coins(price)}`, least && (bid ? `highest bid ${coins(bid)}` : `bids from ${coins(least)}`), `until ${day(until_ms)}`),
      acts: ({ id, seller, price, least, bid }, { me }) =>
        seller === me.name
          ? [!bid && { text: "Take back", event: "unlist", fields: { lot: id } }]
          : [
              least && { text: "Bid", event: "bid", fields: { lot: id }, amount: { field: "coins", value: Math.max(least, bid + 1), label: "Coins" } },
              price && { text: "Buy", event: "buy", fields: { lot: id } },
            ],
    },
  ],
  forms: [
    {
      title: "Sell a thing",
      event: "sell",
      fields: { thing: { label: "Thing", from: carried }, price: "Price (0: only to the highest bid)", least: "Bids from (0: no bids)", hours: "Hours" },
    },
  ],
  said: {
    sell: () => "It is for sale.",
    buy: ({ thing }) => `You bought ${called(thing)}.`,
    bid: () => "Yours is the highest bid.",
    unlist: ({ thing }) => `You have ${called(thing)} back.`,
    collect: ({ things, waiting }) => joined(things.length ? `You got ${named(things)}` : "No things waited", waiting && `there is no room for ${waiting} more`) + ".",
  },
  told: {
    sold: ({ lots, coins: paid }) => `${many(lots, "A lot of yours was", "lots of yours were")} sold for ${coins(paid)}.`,
    kept: ({ lots }) => `The market keeps ${many(lots, "a lot", "lots")} for you: collect it there.`,
  },
};

const post = {
  id: "post",
  title: "Letters",
  needs: ["letters", "openletter", "post"],
  carried: true,
  ask: () => ["letters", {}],
  lists: [
    {
      title: "For you",
      none: "No letter waits for you.",
      rows: ({ data }) => data.letters,
      text: ({ by, returned }) => (returned ? `${by} (it came back)` : by),
      small: ({ text, things, coins: sent, at_ms }) => `${text} (${joined(named(things), sent && coins(sent), day(at_ms))})`,
      acts: ({ id }) => [{ text: "Open", event: "openletter", fields: { letter: id } }],
    },
  ],
  forms: [
    {
      title: "Send a letter",
      event: "post",
      fields: { to: "To", text: "Text", coins: "Coins", things: { label: "Things", from: carried, many: true } },
      button: "Send",
    },
  ],
  said: {
    post: (told, { to }) => `Your letter to ${to} is posted.`,
    openletter: ({ things }) => (things.length ? `In it was ${named(things)}.` : "You opened it."),
  },
  told: { posted: ({ by, letters = 1 }) => (letters > 1 ? `${letters} letters came, the last from ${by}.` : `A letter came from ${by}.`) },
};

const crafting = {
  id: "crafting",
  title: "Crafting",
  needs: ["recipes", "craft"],
  signs: ["workshop"],
  carried: true,
  ask: () => ["recipes", {}],
  lists: [
    {
      title: "What can be made",
      none: "Nothing.",
      rows: ({ data }) => data.recipes,
      text: ({ title, count }) => called({ title, count }),
      small: ({ needs, at }) => joined(...Object.entries(needs).map(([kind, count]) => `${count} ${kind}`), at && `at a ${at}`),
      acts: ({ name, at }, { signs }) => [
        (!at || signs.some((sign) => sign.kind === "workshop" && sign.name === at)) && { text: "Make", event: "craft", fields: { recipe: name } },
      ],
    },
  ],
  said: { craft: ({ thing }) => `You made ${called(thing)}.` },
};

const things = {
  id: "things",
  title: "Things",
  needs: ["split", "giveitem", "stow", "fetch", "rummage"],
  carried: true,
  lists: [
    {
      title: "Containers",
      none: "You carry no container.",
      rows: ({ bag }) => bag.containers,
      text: called,
      acts: ({ id }) => [{ text: "Look into", event: "rummage", fields: { thing: id } }],
    },
    {
      title: ({ page }) => (page.inside ? `In ${page.inside.called}` : "Inside"),
      none: "Nothing, or not looked into.",
      rows: ({ page, bag }) => (bag.has(page.inside?.id) ? page.inside.things : []),
      text: called,
      acts: ({ id }, { page }) => [{ text: "Take out", event: "fetch", fields: { thing: id, out_of: page.inside.id } }],
    },
  ],
  forms: [
    { title: "Put a thing into a container", event: "stow", fields: { thing: { label: "Thing", from: carried }, into: { label: "Container", from: ({ bag }) => bag.containers } }, button: "Put in" },
    { title: "Hand a thing to somebody near", event: "giveitem", fields: { thing: { label: "Thing", from: carried }, to: "To" }, button: "Hand over" },
    { title: "Split a stack", event: "split", fields: { thing: { label: "Stack", from: ({ bag }) => bag.things.filter(({ count = 0 }) => count > 1) }, count: "How many" }, button: "Split" },
  ],
  done: {
    rummage: (told, { thing }, { page, bag }) => (page.inside = { id: thing, called: called(bag.things.find(({ id }) => id === thing)), things: told.things }),
    fetch: (told, { thing }, { page }) => (page.inside.things = page.inside.things.filter(({ id }) => id !== thing)),
    stow: (told, fields, { page }) => (page.inside = null),
  },
  said: {
    giveitem: ({ thing }, { to }) => `You handed ${called(thing)} to ${to}.`,
    stow: ({ thing }) => `You put ${called(thing)} in.`,
    fetch: ({ thing }) => `You took ${called(thing)} out.`,
    rummage: ({ things: inside }) => (inside.length ? `In it: ${named(inside)}.` : "It is empty."),
  },
};

const people = {
  id: "people",
  title: "People",
  needs: ["who"],
  ask: () => ["who", {}],
  lists: [
    {
      title: ({ data }) => `${data.count} in the world`,
      none: "Nobody.",
      rows: ({ data, me }) => data.names.filter((name) => name !== me.name),
      text: (name) => name,
      acts: (name, { page }) => [{ text: "Whisper", does: () => page.whisper(name) }],
    },
  ],
};

const channels = {
  id: "channels",
  title: "Channels",
  needs: ["join", "leave", "talk"],
  ask: null,
  lists: [
    {
      title: "You are in",
      none: "No channel yet.",
      rows: ({ page }) => page.channels.names,
      text: (name) => name,
      acts: (name) => [{ text: "Leave", event: "leave", fields: { channel: name } }],
    },
  ],
  forms: [{ title: "Join a channel", event: "join", fields: { channel: "Name" }, button: "Join" }],
  done: {
    join: ({ channel, history }, fields, { page }) => page.channels.joined(channel, history),
    leave: (told, { channel }, { page }) => page.channels.left(channel),
  },
  said: { join: ({ channel }) => `You are in ${channel}.`, leave: (told, { channel }) => `You left ${channel}.` },
};

const quests = {
  id: "quests",
  title: "Quests",
  needs: ["quests", "acceptquest", "abandonquest", "turnin", "talkto"],
  ask: () => ["quests", {}],
  lists: [
    {
      title: "Yours",
      none: "No quest yet: talk to people.",
      rows: ({ data }) => data.quests,
      text: ({ title }) => title,
      small: ({ text, aims, ready, taker }) => `${text} ${joined(...aims.map((aim) => `${aim.title}: ${aim.count} of ${aim.of}`), ready && `${taker} waits for you`)}.`,
      acts: ({ quest, ready }) => [ready && { text: "Turn in", event: "turnin", fields: { quest } }, { text: "Give up", event: "abandonquest", fields: { quest } }],
    },
    {
      title: "Offered near you",
      none: "Nothing.",
      rows: ({ data }) => data.offers,
      text: ({ title }) => title,
      small: ({ text, person }) => `${text} (${person})`,
      acts: ({ quest }) => [{ text: "Accept", event: "acceptquest", fields: { quest } }],
    },
    {
      title: "People in view",
      none: "Nobody.",
      rows: ({ page }) => page.beings("person"),
      text: ({ name }) => name,
      acts: ({ id }) => [{ text: "Talk", event: "talkto", fields: { person: id } }],
    },
    { title: ({ data }) => `Done: ${data.done.length}`, none: "None yet.", rows: ({ data }) => data.done, text: (quest) => quest },
  ],
  said: {
    talkto: ({ title, text, offers }) => joined(`${title}: ${text}`, offers.length && `offers: ${offers.map((offer) => offer.title).join(", ")}`),
    acceptquest: ({ title, text }) => `${title}: ${text}`,
    abandonquest: () => "You gave it up.",
    turnin: ({ text, paid, xp, things: got }) => `${text} You got ${joined(paid && coins(paid), xp && `${xp} experience`, named(got)) || "thanks"}.`,
  },
  told: {
    progressed: ({ title, aim, count, of }) => `${title}: ${aim}, ${count} of ${of}.`,
    fulfilled: ({ title, taker }) => `${title}: all is done, ${taker} waits for you.`,
  },
};

const achievements = {
  id: "achievements",
  title: "Achievements",
  needs: ["achievements"],
  ask: () => ["achievements", {}],
  lists: [
    {
      title: ({ data }) => `Achieved: ${data.points} points`,
      none: "Nothing yet.",
      rows: ({ data }) => data.earned,
      text: ({ title }) => title,
      small: ({ text, points, at_ms }) => joined(text, `${points} points`, day(at_ms)),
    },
    {
      title: "Ahead of you",
      none: "Nothing more.",
      rows: ({ data }) => data.ahead,
      text: ({ title }) => title,
      small: ({ text, points, count, of }) => joined(text, `${points} points`, `${count} of ${of}`),
      bar: ({ count, of }) => count / of,
    },
  ],
  told: { achieved: ({ title, points }) => `You achieved ${title}, for ${points} points.` },
};

const CHANGES = { joined: "has joined", left: "has left", kicked: "was put out of", leads: "leads", absent: "was away for too long, and has left" };

const group = {
  id: "group",
  title: "Group",
  needs: ["group", "invite", "acceptinvite", "declineinvite", "leavegroup", "kick", "passlead", "grouptalk"],
  ask: () => ["group", {}],
  lists: [
    {
      title: ({ data }) => (data.members.length ? `Your group: ${data.members[0].name} leads` : "Your group"),
      none: "You are in none: ask somebody, or join who asks you.",
      rows: ({ data }) => data.members,
      text: ({ name }) => name,
      small: (member) => ((member.present ?? true) ? `in ${member.zone} at ${member.x}, ${member.y}${inWords(member)}` : "not in the world"),
      bar: (member) => healthOf(member)?.part ?? 1,
      acts: ({ id, name }, { data, me }) => {
        if (id === me.id) return [{ text: "Leave", event: "leavegroup", fields: {} }];
        return data.members[0].id === me.id
          ? [{ text: "Let lead", event: "passlead", fields: { to: name } }, { text: "Put out", event: "kick", fields: { who: name } }]
          : [];
      },
    },
    {
      title: "You are asked by",
      none: "Nobody.",
      rows: ({ page }) => page.invites.names,
      text: (name) => name,
      acts: (name) => [{ text: "Join", event: "acceptinvite", fields: { by: name } }, { text: "Say no", event: "declineinvite", fields: { by: name } }],
    },
  ],
  forms: [{ title: "Ask into your group", event: "invite", fields: { to: "Name" }, button: "Ask" }],
  shown: (told, { page }) => page.group.show(told),
  done: {
    acceptinvite: (told, { by }, { page }) => (page.invites.answered(by), page.group.changed()),
    declineinvite: (told, { by }, { page }) => page.invites.answered(by),
  },
  said: { invite: (told, { to }) => `You asked ${to}.`, leavegroup: () => "You left the group.", acceptinvite: () => "You are in the group." },
  told: {
    invited: ({ by, members }, { page }) => {
      page.invites.asked(by);
      return `${by} asks you into ${members.length ? `the group of ${members.join(", ")}` : "a new group"}: see More, Group.`;
    },
    declined: ({ by }) => `${by} does not want to join your group.`,
    grouped: ({ by, what }, { me, page }) => {
      page.group.changed();
      return `${by === me.name ? "You" : by} ${by === me.name ? CHANGES[what].replace(/^has/, "have").replace(/^was/, "were") : CHANGES[what]}: your group.`;
    },
  },
};

const ENDS = { won: "has won the duel", forfeited: "has won the duel: the other has left it" };

const duels = {
  id: "duels",
  title: "Duels",
  needs: ["challenge", "acceptduel", "declineduel", "forfeit"],
  ask: null,
  lists: [
    {
      title: "You fight",
      none: "No duel.",
      rows: ({ me }) => [me.rival].filter(Boolean),
      text: (name) => name,
      acts: () => [{ text: "Give up", event: "forfeit", fields: {} }],
    },
    {
      title: "You are challenged by",
      none: "Nobody.",
      rows: ({ page }) => page.challenges.names,
      text: (name) => name,
      acts: (name) => [{ text: "Fight", event: "acceptduel", fields: { to: name } }, { text: "Decline", event: "declineduel", fields: { to: name } }],
    },
  ],
  forms: [{ title: "Challenge somebody near you", event: "challenge", fields: { to: "Name" }, button: "Challenge" }],
  said: {
    challenge: ({ rival }) => `You challenged ${rival}.`,
    acceptduel: ({ rival }) => `You fight ${rival}.`,
    declineduel: () => "There will be no duel.",
    forfeit: () => "You gave up.",
  },
  told: {
    challenged: ({ by }, { page }) => {
      page.challenges.asked(by);
      return `${by} challenges you to a duel: see More, Duels.`;
    },
    duelbegan: ({ players }, { page }) => {
      players.forEach((name) => page.challenges.answered(name));
      return `${players.join(" and ")} fight a duel!`;
    },
    duelended: ({ players, winner, why }, { page }) => {
      players.forEach((name) => page.challenges.answered(name));
      if (why === "declined") return "There will be no duel.";
      return why in ENDS ? `${winner} ${ENDS[why]}.` : "The duel is over, and nobody has won.";
    },
  },
};

export const PANELS = [shop, bank, chest, market, post, crafting, things, quests, group, duels, achievements, people, channels];
