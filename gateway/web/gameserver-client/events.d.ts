// Types of the bundled game. Those of another one: gameserver catalogue export --typescript events.d.ts

// events, made by docs/refresh.py
/** The events that a client may send: their fields, and the `data` of the reply. */
export interface Events {
  /** Give up a quest. How far it was is forgotten. */
  abandonquest: { fields: { quest: string; }; data: {} };
  /** Accept what a player offers you, for what you offer. When both have accepted it changes hands. */
  accept: { fields: { to: string; version: number; }; data: Agreed };
  /** Accept the challenge of a player: the duel begins. */
  acceptduel: { fields: { to: string; }; data: Rivalry };
  /** Join the group of a player who has asked you. */
  acceptinvite: { fields: { by: string; }; data: Company };
  /** Take on a quest of a person near you. */
  acceptquest: { fields: { quest: string; }; data: Undertaking };
  /** Ask what you have achieved, and what you may yet. */
  achievements: { fields: Record<string, never>; data: Honours };
  /** Acknowledge durable notices, so that they are not told again. */
  ack: { fields: { ids: Array<string>; }; data: {} };
  /** Strike a player or creature within reach. */
  attack: { fields: { target: string; }; data: Hit };
  /** Bid for a lot. The coins are taken at once; topped, they wait for you to ``collect`` them. */
  bid: { fields: { lot: string; coins: number; }; data: MarketPaid };
  /** Build a wall on a tile, or (``floor``) take it away. For game masters. */
  buildwall: { fields: { zone: string; x: number; y: number; floor?: boolean; }; data: Built };
  /** Buy a lot for its price. */
  buy: { fields: { lot: string; }; data: Bought };
  /** Buy of a shop in your zone; of what does not stack one at a time. */
  buyfrom: { fields: { shop: string; kind: string; count?: number; }; data: Purchase };
  /** Ask a player near you for a duel: it ends before anybody dies, and may be fought where it is safe, too. */
  challenge: { fields: { to: string; }; data: Rivalry };
  /** Ask for the map of the zone in which you stand: its walls and gates. */
  chart: { fields: Record<string, never>; data: Charted };
  /** Strike all creatures near you, with a weapon that sweeps. */
  cleave: { fields: Record<string, never>; data: Swept };
  /** Take what the market keeps for you: bids that were topped, what you won, what nobody bought. */
  collect: { fields: Record<string, never>; data: Collected };
  /** Make a thing of what you carry. */
  craft: { fields: { recipe: string; }; data: Crafted };
  /** Decline a player's challenge, or take back your own. */
  declineduel: { fields: { to: string; }; data: {} };
  /** Say no to a player who has asked you into a group. */
  declineinvite: { fields: { by: string; }; data: {} };
  /** Leave an instance, near where one comes in: you stand again where you entered it. */
  depart: { fields: Record<string, never>; data: Passed };
  /** Bring coins from your purse into the bank, in a zone with a counter. */
  deposit: { fields: { coins: number; }; data: Balance };
  /** Put down a thing that you carry. */
  drop: { fields: { thing: string; }; data: Handled };
  /** Enter your group's instance of a template, or your own if you are in none, at a gate within 2 tiles. Whoever comes first opens it. */
  enter: { fields: { template: string; }; data: Passed };
  /** Put on a thing that you carry; what you wear in its place is taken off. */
  equip: { fields: { thing: string; }; data: Armed };
  /** Look at a thing that you carry, wear, or that lies near you. */
  examine: { fields: { thing: string; }; data: Examined };
  /** Take a thing out of a container that you carry. */
  fetch: { fields: { thing: string; out_of: string; }; data: Handled };
  /** Give up the duel that you fight. */
  forfeit: { fields: Record<string, never>; data: {} };
  /** Give coins to a player, who may be anywhere. */
  give: { fields: { to: string; coins: number; }; data: Given };
  /** Hand a thing that you carry to a player near you. */
  giveitem: { fields: { thing: string; to: string; }; data: Handled };
  /** Ask who is in your group, where they are and how. */
  group: { fields: Record<string, never>; data: Company };
  /** Speak to your group, wherever its members are. */
  grouptalk: { fields: { text: string; }; data: {} };
  /** Ask what you carry and wear. */
  inventory: { fields: Record<string, never>; data: Carried };
  /** Ask a player into your group, which you lead, or to found one with you. */
  invite: { fields: { to: string; }; data: {} };
  /** Join a channel, and hear its last 50 lines. */
  join: { fields: { channel: string; }; data: Joined };
  /** Put a player out of the group that you lead. */
  kick: { fields: { who: string; }; data: {} };
  /** Leave a channel. */
  leave: { fields: { channel: string; }; data: {} };
  /** Leave your group. Who came after you leads it, if you did; one player alone is no group. */
  leavegroup: { fields: Record<string, never>; data: {} };
  /** Ask which letters wait for you. */
  letters: { fields: Record<string, never>; data: Mailbag };
  /** Enter the world with an account. An older session of the same player ends. */
  login: { fields: { name: string; password: string; }; data: Entered };
  /** End the session. The connection is closed after the reply. */
  logout: { fields: Record<string, never>; data: {} };
  /** Be told all that you can see now (a ``view`` notice). */
  look: { fields: Record<string, never>; data: {} };
  /** Ask what is for sale. */
  lots: { fields: { after?: string; }; data: ForSale };
  /** Walk one tile. */
  move: { fields: { dir: "e" | "n" | "ne" | "nw" | "s" | "se" | "sw" | "w"; }; data: Walked };
  /** Offer things and coins to a player near you, or something else than before, which nobody has accepted yet. */
  offer: { fields: { to: string; things: Array<string>; coins?: number; }; data: Proposal };
  /** Take what is in a letter. The letter is gone then. */
  openletter: { fields: { letter: string; }; data: Opened };
  /** Tell a creature of yours to follow you, or to stay and guard where it is. */
  order: { fields: { creature: string; what: "follow" | "guard"; }; data: Ordered };
  /** Let another player lead the group that you lead. */
  passlead: { fields: { to: string; }; data: {} };
  /** Look into a chest near you. */
  peekin: { fields: { chest: string; }; data: Shared };
  /** Ask which creatures are yours, and how they are. */
  pets: { fields: Record<string, never>; data: Companions };
  /** Put an object on a tile: a sign, a creature's place, a portal. For game masters. */
  placeobject: { fields: { zone: string; x: number; y: number; kind: string; properties?: string; }; data: Built };
  /** Send a letter with things and coins to a player, who may be anywhere or not in the world. */
  post: { fields: { to: string; text: string; things?: Array<string>; coins?: number; }; data: Sent };
  /** Look into your purse. */
  purse: { fields: Record<string, never>; data: Given };
  /** Put a thing that you carry into a chest near you, which all share. */
  putin: { fields: { thing: string; chest: string; }; data: Shifted };
  /** Ask for your quests, and for those that people near you have for you. */
  quests: { fields: Record<string, never>; data: Log };
  /** Ask what can be made, and of what. */
  recipes: { fields: Record<string, never>; data: Cookbook };
  /** Make an account and enter the world with it. */
  register: { fields: { name: string; password: string; }; data: Entered };
  /** Let a creature of yours go, for ever. You are told which you still have. */
  release: { fields: { creature: string; }; data: Companions };
  /** Take an object off a map. For game masters. */
  removeobject: { fields: { zone: string; object: string; }; data: Built };
  /** Take up a session where it was cut off, on any gateway, with the token it was told last. ``sent``: the highest number that the client has used in this session; left out, any may have been used. ``attempt``: by which an older resume that comes late is known; left out, gateways' clocks must do. */
  resume: { fields: { token: string; sent?: number; attempt?: number; }; data: Entered };
  /** Take an offer back. */
  retract: { fields: { to: string; }; data: {} };
  /** Take a thing out of the bank. */
  retrieve: { fields: { thing: string; }; data: Shifted };
  /** Look into a container that you carry. */
  rummage: { fields: { thing: string; }; data: Inside };
  /** Speak to those who see you. */
  say: { fields: { text: string; }; data: {} };
  /** Ask how you are: level, experience, what acts on you. */
  score: { fields: Record<string, never>; data: Condition };
  /** Put a thing that you carry up for sale: at a price, to the highest bid, or both. */
  sell: { fields: { thing: string; price?: number; least?: number; hours?: number; }; data: Placard };
  /** Sell a thing that you carry, or a whole stack, to a shop in your zone. */
  sellto: { fields: { shop: string; thing: string; }; data: Proceeds };
  /** Speak to all in your zone. */
  shout: { fields: { text: string; }; data: {} };
  /** Make two of a stack that you carry. */
  split: { fields: { thing: string; count: number; }; data: Parted };
  /** Bring a thing that you carry into the bank. */
  store: { fields: { thing: string; }; data: Shifted };
  /** Put a thing into a container that you carry. */
  stow: { fields: { thing: string; into: string; }; data: Handled };
  /** Ask what stands in a zone. For game masters. */
  survey: { fields: { zone: string; }; data: Surveyed };
  /** Take a thing that lies near you. */
  take: { fields: { thing: string; }; data: Handled };
  /** Take a thing out of a chest near you. */
  takeout: { fields: { thing: string; chest: string; }; data: Shifted };
  /** Speak to a channel that you have joined. */
  talk: { fields: { channel: string; text: string; }; data: {} };
  /** Talk to a person near you, of something or of nothing in particular. */
  talkto: { fields: { person: string; words?: string; }; data: Spoken };
  /** Try to make a weakened creature near you your own. */
  tame: { fields: { target: string; }; data: Tamed };
  /** Bring a quest to its end, with the person who waits for it: what it asks for is given up, and it is paid. */
  turnin: { fields: { quest: string; }; data: QuestsPaid };
  /** Take off a thing that you wear. */
  unequip: { fields: { thing: string; }; data: Armed };
  /** Take back a lot of yours for which nobody has bid. */
  unlist: { fields: { lot: string; }; data: Bought };
  /** Use up a thing that you carry: food, a potion. */
  use: { fields: { thing: string; }; data: Healed };
  /** Ask what you have in the bank. */
  vault: { fields: Record<string, never>; data: Vaulted };
  /** Ask what a shop in your zone sells and buys. */
  wares: { fields: { shop: string; }; data: WareList };
  /** Speak to one player, who is told at the next login if not in the world now. */
  whisper: { fields: { to: string; text: string; }; data: {} };
  /** Ask who is in the world. */
  who: { fields: Record<string, never>; data: Online };
  /** Take coins out of the bank. */
  withdraw: { fields: { coins: number; }; data: Balance };
}

/** The notices that a client is told, by type. */
export interface Notices {
  accepted: Accepted;
  achieved: Achieved;
  afflicted: Afflicted;
  announced: Announced;
  appeared: Appeared;
  broke: Broke;
  challenged: Challenged;
  declined: Declined;
  died: Died;
  duelbegan: DuelBegan;
  duelended: DuelEnded;
  fallen: Fallen;
  felt: Felt;
  fulfilled: Fulfilled;
  ground: Ground;
  grouped: Grouped;
  handed: Handed;
  heard: Heard;
  invited: Invited;
  kept: Kept;
  laid: Laid;
  levelled: Levelled;
  lifted: Lifted;
  moved: Moved;
  placed: Placed;
  posted: Posted;
  progressed: Progressed;
  proposed: Proposed;
  putback: PutBack;
  received: Received;
  respawned: Respawned;
  retracted: Retracted;
  rewarded: Rewarded;
  roared: Roared;
  signs: Signs;
  skies: Skies;
  sold: Sold;
  struck: Struck;
  traded: Traded;
  unplaced: Unplaced;
  vanished: Vanished;
  view: View;
  walled: Walled;
}

/** Whether things and coins have changed hands: they do when both have accepted. */
export interface Agreed {
  done: boolean;
  coins: number;
}

/** Whom you have challenged or fight, until when (milliseconds since 1970) at most. */
export interface Rivalry {
  rival: string;
  until_ms: number;
}

/** Your group: its id ("" for none), and its members, the one who leads first. */
export interface Company {
  group: string;
  members: Array<GroupsCompanion>;
}

/** A quest of yours. ``ready``: all is done, and ``taker`` waits for you. */
export interface Undertaking {
  quest: string;
  title: string;
  text: string;
  taker: string;
  aims: Array<Aim>;
  ready?: boolean;
}

/** What you have achieved, in all so many points, and what lies ahead. */
export interface Honours {
  points: number;
  earned: Array<Earned>;
  ahead: Array<Ahead>;
}

/** What the blow did. */
export interface Hit {
  target: string;
  damage: number;
  hp: number;
}

/** The coins that you have left. */
export interface MarketPaid {
  coins: number;
}

/** What was built: the id of an object; of a wall its zone and tile. */
export interface Built {
  id: string;
}

/** What you bought, and the coins that you have left. */
export interface Bought {
  thing: Thing;
  coins: number;
}

/** What you bought (``gone``: it was joined to another stack), and the coins that you have left. */
export interface Purchase {
  thing: Thing;
  coins: number;
  gone?: boolean;
}

/** The map of the zone in which you stand. ``signs``: shops and the like. ``walls``: a bit for each tile, row by row from the top left, set where nobody can walk; each row begins with a new byte, the highest bit of a byte is the first; all in base64. ``safe``: nobody fights there. */
export interface Charted {
  zone: string;
  title: string;
  width: number;
  height: number;
  walls: string;
  gates: Array<Gate>;
  safe?: boolean;
  signs?: Array<Sign>;
}

/** What the blow did to each that it struck. */
export interface Swept {
  hits: Array<Hit>;
}

/** What the market gave you, the coins that you have now, and how many things wait for which you have no room. */
export interface Collected {
  things: Array<Thing>;
  coins: number;
  waiting: number;
}

/** What was made: the thing as it is now, or (``gone``) what was joined to another stack. */
export interface Crafted {
  thing: Thing;
  gone?: boolean;
}

/** Where you stand now. ``ends_ms``: when an instance ends, milliseconds since 1970; 0 outside of one. */
export interface Passed {
  zone: string;
  title: string;
  x: number;
  y: number;
  ends_ms?: number;
}

/** The coins in the bank, and those in your purse. */
export interface Balance {
  bank: number;
  purse: number;
}

/** The thing as it is now, and whether it is ``gone`` (used up, or joined to another stack). */
export interface Handled {
  thing: Thing;
  gone?: boolean;
}

/** The thing that you put on or took off, and how you strike and are struck with what you wear now. */
export interface Armed {
  thing: Thing;
  attack: number;
  defence: number;
}

/** What a thing is. ``slot``: where it is worn; ``uses``: how many it lasts, 0 for ever; ``price``: its worth. */
export interface Examined {
  thing: Thing;
  text: string;
  slot?: string;
  attack?: number;
  defence?: number;
  heals?: number;
  uses?: number;
  holds?: number;
  price?: number;
}

/** What is left in your purse. */
export interface Given {
  coins: number;
}

/** What you carry, and what you wear. */
export interface Carried {
  things: Array<Thing>;
  worn: Array<Thing>;
}

/** The channel's last lines, oldest first. */
export interface Joined {
  channel: string;
  history: Array<Line>;
}

/** The letters that wait for you, oldest first. */
export interface Mailbag {
  letters: Array<Unopened>;
}

/** Who you are now, and where. ``seq``: the highest number of yours that was applied; go on above it. ``zone``, ``x``, ``y``: where you stand. ``hp`` of ``hp_max``: how you are; ``xp``: your experience. */
export interface Entered {
  player: string;
  name: string;
  session: string;
  zone: string;
  x: number;
  y: number;
  hp: number;
  hp_max: number;
  xp: number;
  seq?: number;
}

/** Lots in the order of their ids, 50 at most: ask for those ``after`` the last one. */
export interface ForSale {
  lots: Array<Listed>;
}

/** Where you stand now. */
export interface Walked {
  zone: string;
  x: number;
  y: number;
}

/** Your offer's number. Another offer of yours, or a change of this one, has a higher one. */
export interface Proposal {
  version: number;
}

/** What was in it, and the coins that you have now. */
export interface Opened {
  things: Array<Thing>;
  coins: number;
}

/** Your creature, as it is told. */
export interface Ordered {
  companion: CreaturesCompanion;
}

/** What is in a chest, and how many things it holds. */
export interface Shared {
  things: Array<Thing>;
  holds: number;
}

/** Your creatures. */
export interface Companions {
  companions: Array<CreaturesCompanion>;
}

/** The letter's id, and the coins that you have left. */
export interface Sent {
  letter: string;
  coins: number;
}

/** The thing as it is now, and whether it is ``gone`` (joined to another stack). */
export interface Shifted {
  thing: Thing;
  gone?: boolean;
}

/** Your quests: those that you have accepted, the names of those that are done, and what people near you offer. */
export interface Log {
  quests: Array<Undertaking>;
  done: Array<string>;
  offers: Array<QuestsOffer>;
}

/** All recipes. */
export interface Cookbook {
  recipes: Array<Method>;
}

/** What is in a container. */
export interface Inside {
  things: Array<Thing>;
}

/** How you are: ``next_xp`` is the experience with which the next level begins, 0 where there is none. ``effects``: the titles of what acts on you; ``resists``: the percent of damage that is kept off you, by element. */
export interface Condition {
  hp: number;
  hp_max: number;
  level: number;
  xp: number;
  next_xp: number;
  attack: number;
  defence: number;
  reach: number;
  effects: Array<string>;
  resists: Record<string, number>;
}

/** The id of your lot. */
export interface Placard {
  lot: string;
}

/** What you were paid, and the coins that you have now. */
export interface Proceeds {
  paid: number;
  coins: number;
}

/** Both stacks after a split. */
export interface Parted {
  thing: Thing;
  other: Thing;
}

/** What stands in a zone. ``changes``: how many changes the maps' files do not show yet. */
export interface Surveyed {
  objects: Array<Seen>;
  changes: number;
}

/** What a person says, and which quests of yours went on by that. ``offers``: what the person has for you. */
export interface Spoken {
  person: string;
  title: string;
  text: string;
  offers: Array<QuestsOffer>;
  quests: Array<Undertaking>;
}

/** Whether it worked, and the creatures that are yours then. */
export interface Tamed {
  done: boolean;
  companions: Array<CreaturesCompanion>;
}

/** What you got for a quest, and what you have now: coins, and experience. */
export interface QuestsPaid {
  quest: string;
  title: string;
  text: string;
  paid: number;
  coins: number;
  xp: number;
  total: number;
  things: Array<Thing>;
}

/** What using a thing did: your health, and how many of it are left. */
export interface Healed {
  hp: number;
  left: number;
}

/** What you have in the bank. */
export interface Vaulted {
  coins: number;
  things: Array<Thing>;
}

/** What a shop sells, and what it buys. */
export interface WareList {
  title: string;
  keeper: string;
  sells: Array<Priced>;
  buys: Array<Priced>;
}

/** Names of players who are in the world (at most 200), and how many there are in all. */
export interface Online {
  names: Array<string>;
  count: number;
}

/** A player accepts what you offer. */
export interface Accepted {
  type: "accepted";
  by: string;
  version: number;
  id?: string;
}

/** You have achieved something, for so many points; ``total`` are those of all that you have achieved. */
export interface Achieved {
  type: "achieved";
  name: string;
  title: string;
  text: string;
  points: number;
  total: number;
  id?: string;
}

/** Something acts on you for a while: ``effect`` is its title, ``kind`` its name. */
export interface Afflicted {
  type: "afflicted";
  kind: string;
  effect: string;
  by: string;
  id?: string;
}

/** The game's operators say something to everybody. */
export interface Announced {
  type: "announced";
  text: string;
  id?: string;
}

/** Someone came into view, or changed in a way that shows. */
export interface Appeared {
  type: "appeared";
  being: Being;
  id?: string;
}

/** A thing that you wore is worn out and gone. */
export interface Broke {
  type: "broke";
  thing: Thing;
  attack: number;
  defence: number;
  id?: string;
}

/** Somebody asks you for a duel; it may be accepted until then. */
export interface Challenged {
  type: "challenged";
  by: string;
  until_ms: number;
  id?: string;
}

/** A player whom you asked does not want to join. */
export interface Declined {
  type: "declined";
  by: string;
  id?: string;
}

/** Someone died. */
export interface Died {
  type: "died";
  who: string;
  by: string;
  id?: string;
}

/** Two players fight a duel. */
export interface DuelBegan {
  type: "duelbegan";
  players: Array<string>;
  until_ms: number;
  id?: string;
}

/** A duel is over, or was declined. ``winner``: a name, "" for nobody; ``why``: won, forfeited, over, declined. */
export interface DuelEnded {
  type: "duelended";
  players: Array<string>;
  winner: string;
  why: string;
  id?: string;
}

/** What your death has cost you: so much experience; ``total`` is what is left. */
export interface Fallen {
  type: "fallen";
  xp: number;
  total: number;
  id?: string;
}

/** An effect has done you harm, or good: your health now. */
export interface Felt {
  type: "felt";
  kind: string;
  effect: string;
  change: number;
  hp: number;
  id?: string;
}

/** All that a quest of yours asks for is done: ``taker`` waits for you, with what you are to bring if anything. */
export interface Fulfilled {
  type: "fulfilled";
  quest: string;
  title: string;
  taker: string;
  id?: string;
}

/** All things that lie in your view, told after ``view``; none lie there where it is not told. */
export interface Ground {
  type: "ground";
  things: Array<Lying>;
  id?: string;
}

/** Your group has changed: names of its members, the one who leads first; none when you are in no group any more. ``by`` has ``what``: joined, left, kicked (put out), leads, or absent (not in the world for too long). */
export interface Grouped {
  type: "grouped";
  members: Array<string>;
  by: string;
  what: string;
  id?: string;
}

/** Somebody handed you a thing. */
export interface Handed {
  type: "handed";
  by: string;
  thing: Thing;
  id?: string;
}

/** Someone spoke. ``how``: say, shout, whisper, channel, or group for your group alone. */
export interface Heard {
  type: "heard";
  how: string;
  by: string;
  text: string;
  at_ms: number;
  channel?: string;
  id?: string;
}

/** A player asks you to join a group of ``members``, or (none) to found one: ``acceptinvite`` within a minute. */
export interface Invited {
  type: "invited";
  by: string;
  members: Array<string>;
  id?: string;
}

/** The market keeps something for you: you won so many lots, or nobody bought them. ``collect`` it. */
export interface Kept {
  type: "kept";
  lots: number;
  id?: string;
}

/** A thing lies there now. */
export interface Laid {
  type: "laid";
  thing: Lying;
  id?: string;
}

/** You have reached a level, and are stronger now. */
export interface Levelled {
  type: "levelled";
  level: number;
  hp: number;
  hp_max: number;
  attack: number;
  id?: string;
}

/** A thing lies there no longer. */
export interface Lifted {
  type: "lifted";
  thing: string;
  v: number;
  id?: string;
}

/** Someone whom you see walked. */
export interface Moved {
  type: "moved";
  who: string;
  x: number;
  y: number;
  v: number;
  id?: string;
}

/** An object was put on your zone's map. ``leads_to``: of a portal, the zone. */
export interface Placed {
  type: "placed";
  id: string;
  zone: string;
  kind: string;
  x: number;
  y: number;
  leads_to?: string;
}

/** A letter came for you; it may stand for several ``letters``, and ``by`` sent the last of them. */
export interface Posted {
  type: "posted";
  by: string;
  letters?: number;
  id?: string;
}

/** A quest of yours went on: ``count`` ``of`` so many. */
export interface Progressed {
  type: "progressed";
  quest: string;
  title: string;
  aim: string;
  count: number;
  of: number;
  id?: string;
}

/** A player offers you this; accept it with its ``version``. */
export interface Proposed {
  type: "proposed";
  by: string;
  things: Array<Thing>;
  coins: number;
  version: number;
  id?: string;
}

/** The instance in which you were has ended, and you stand there now. */
export interface PutBack {
  type: "putback";
  zone: string;
  x: number;
  y: number;
  id?: string;
}

/** Someone gave you coins; ``total`` is what you have now. It may stand for several ``gifts``: ``coins`` is their sum, and ``by`` gave the last of them. */
export interface Received {
  type: "received";
  by: string;
  coins: number;
  total: number;
  gifts?: number;
  id?: string;
}

/** You are alive again, and stand there. */
export interface Respawned {
  type: "respawned";
  zone: string;
  x: number;
  y: number;
  hp: number;
  id?: string;
}

/** An offer is over. ``why``: retracted, lapsed, or that who made it has left or died. */
export interface Retracted {
  type: "retracted";
  by: string;
  to: string;
  why: string;
  id?: string;
}

/** You gained experience for slaying a creature. */
export interface Rewarded {
  type: "rewarded";
  xp: number;
  total: number;
  slain: string;
  id?: string;
}

/** A creature says something. */
export interface Roared {
  type: "roared";
  who: string;
  text: string;
  id?: string;
}

/** What the signs say that you see. */
export interface Signs {
  type: "signs";
  texts: Array<string>;
  id?: string;
}

/** The sky where you are: told when you come there, and when it changes. ``part``: dawn, day, dusk or night. ``text``: a sentence or two, on how it is or what has changed. */
export interface Skies {
  type: "skies";
  part: string;
  weather: string;
  text: string;
  id?: string;
}

/** Of your lots so many were sold, for so many coins, which are in your purse. */
export interface Sold {
  type: "sold";
  lots: number;
  coins: number;
  id?: string;
}

/** Someone struck someone. */
export interface Struck {
  type: "struck";
  by: string;
  target: string;
  damage: number;
  hp: number;
  v: number;
  id?: string;
}

/** A trade was made: what you got, and the coins that you have now. */
export interface Traded {
  type: "traded";
  by: string;
  things: Array<Thing>;
  coins: number;
  id?: string;
}

/** An object was taken off your zone's map. ``x``, ``y``: where it stood. */
export interface Unplaced {
  type: "unplaced";
  id: string;
  zone: string;
  x: number;
  y: number;
}

/** Someone left your view. */
export interface Vanished {
  type: "vanished";
  who: string;
  v: number;
  id?: string;
}

/** All that you can see now; it replaces what you saw before. */
export interface View {
  type: "view";
  zone: string;
  title: string;
  width: number;
  height: number;
  you: Being;
  beings: Array<Being>;
  id?: string;
}

/** A tile of your zone's map has changed. ``wall``: nobody can walk there. */
export interface Walled {
  type: "walled";
  zone: string;
  x: number;
  y: number;
  wall: boolean;
  id?: string;
}

/** A member of your group. ``present``: whether it is in the world; ``zone``, ``x``, ``y``: where it stands. */
export interface GroupsCompanion {
  id: string;
  name: string;
  zone: string;
  x: number;
  y: number;
  hp: number;
  hp_max: number;
  present?: boolean;
}

/** A goal of a quest, and how far it is. */
export interface Aim {
  title: string;
  count: number;
  of: number;
}

/** An achievement that you have. ``at_ms``: since when, in milliseconds since 1970. */
export interface Earned {
  name: string;
  title: string;
  text: string;
  points: number;
  at_ms: number;
}

/** An achievement that you don't have yet, and how far you are. */
export interface Ahead {
  name: string;
  title: string;
  text: string;
  points: number;
  count: number;
  of: number;
}

/** A thing. ``count``: how many in a stack, 0 for what does not stack; ``used``: how often it was used. */
export interface Thing {
  id: string;
  kind: string;
  title: string;
  count?: number;
  used?: number;
}

/** A tile from which one comes into another zone. */
export interface Gate {
  x: number;
  y: number;
  zone: string;
}

/** A place that maps show, such as a shop. ``kind``: its class on the map; ``name``: what events call it. */
export interface Sign {
  kind: string;
  name: string;
  title: string;
  x: number;
  y: number;
}

/** A line of talk. ``at_ms``: milliseconds since 1970. */
export interface Line {
  by: string;
  text: string;
  at_ms: number;
}

/** A letter. ``returned``: it is one of yours that nobody opened. ``at_ms``: milliseconds since 1970. */
export interface Unopened {
  id: string;
  by: string;
  text: string;
  things: Array<Thing>;
  coins: number;
  at_ms: number;
  returned?: boolean;
}

/** A lot. ``price``: for which it is sold at once, 0 for never; ``least``: what must be bid, 0 for nothing taken. */
export interface Listed {
  id: string;
  seller: string;
  kind: string;
  title: string;
  count: number;
  price: number;
  least: number;
  bid: number;
  until_ms: number;
}

/** A creature that is yours. ``zone``: where it is; ``does``: follow or guard; ``dead``: it comes back to life. */
export interface CreaturesCompanion {
  id: string;
  kind: string;
  title: string;
  hp: number;
  hp_max: number;
  zone: string;
  does: string;
  dead?: boolean;
}

/** A quest that a person near you has for you. */
export interface QuestsOffer {
  quest: string;
  title: string;
  text: string;
  person: string;
}

/** A recipe. ``needs``: how many of which kinds; ``at``: the workshop that it takes, "" for none. */
export interface Method {
  name: string;
  title: string;
  needs: Record<string, number>;
  makes: string;
  count: number;
  at?: string;
}

/** An object on a map. */
export interface Seen {
  id: string;
  kind: string;
  x: number;
  y: number;
}

/** A kind of thing with its price in coins; ``stock``: how many there are, left out of what the shop buys. */
export interface Priced {
  kind: string;
  title: string;
  price: number;
  stock?: number;
}

/** A player or creature as others see it. ``v`` counts its changes: of two sights the higher one is newer. ``hp_max``: what ``hp`` is when it is well; left out when that is 100. */
export interface Being {
  id: string;
  name: string;
  kind: string;
  x: number;
  y: number;
  hp: number;
  v: number;
  hp_max?: number;
}

/** A thing that lies on a tile. ``v`` counts its changes: of two sights the higher one is newer. */
export interface Lying {
  id: string;
  kind: string;
  title: string;
  x: number;
  y: number;
  v: number;
  count?: number;
}
// end of events
