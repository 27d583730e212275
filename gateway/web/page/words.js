// How notices read, as a table. Others are said by panels (tables.js), or seen on the map.
// `tab`: where it stands in the log, and how it looks; `says`: a sentence of the notice, "" for none. It is given `isMe` and
// `nameOf`, of somebody by id. `toast`: it is shown at once as well ("good", "bad", or "" for neither). `once`: it is told
// again and again, and said when it is another.

import { inWords } from "/health.js";
import { called } from "/things.js";

const coins = (count) => `${count} ${count === 1 ? "coin" : "coins"}`;

export const WORDS = {
  // Fights.
  struck: {
    tab: "fight",
    says: ({ by, target, damage }, { isMe, nameOf }) =>
      isMe(by) || isMe(target) ? `${nameOf(by)} ${isMe(by) ? "strike" : "strikes"} ${isMe(target) ? "you" : nameOf(target)} for ${damage}.` : "",
  },
  died: {
    tab: "fight",
    says: ({ who, by }, { isMe, nameOf }) => {
      if (isMe(who)) return by && !isMe(by) ? `You were slain by ${nameOf(by)}.` : "You died.";
      return isMe(by) ? `You slew ${nameOf(who)}.` : "";
    },
  },
  rewarded: { tab: "fight gold", says: ({ xp, slain }) => `${xp} experience for slaying a ${slain}.` },
  fallen: { tab: "fight", toast: "bad", says: ({ xp, total }) => (xp ? `Your death costs you ${xp} experience; ${total} is left.` : "") },
  respawned: { tab: "fight", toast: "", says: () => "You are alive again." },
  levelled: { tab: "fight gold", toast: "good", says: (told) => `You are level ${told.level} now: attack ${told.attack}${inWords(told)}.` },
  afflicted: { tab: "fight", toast: "bad", says: ({ effect }) => `${effect} is upon you.` },
  felt: { tab: "fight", says: ({ effect, change }) => (change < 0 ? `${effect} takes ${-change} of your health.` : `${effect} gives you ${change} health.`) },
  roared: { tab: "say", says: ({ who, text }, { nameOf }) => `${nameOf(who)} roars: ${text}` },

  // Things and coins.
  received: {
    tab: "news gold",
    toast: "good",
    says: ({ by, coins: given, gifts = 1 }) => (gifts > 1 ? `${gifts} gifts brought you ${coins(given)}, the last from ${by}.` : `${by} gave you ${coins(given)}.`),
  },
  handed: { tab: "news gold", toast: "good", says: ({ by, thing }) => `${by} handed you ${called(thing)}.` },
  broke: { tab: "news", toast: "bad", says: ({ thing }) => `Your ${thing.title} is worn out.` },
  proposed: { tab: "news", says: ({ by, things, coins: offered }) => `${by} offers you ${[...things.map(called), offered && coins(offered)].filter(Boolean).join(", ") || "nothing"}.` },
  accepted: { tab: "news", says: ({ by }) => `${by} accepts what you offer.` },
  retracted: { tab: "news", says: ({ by, to }, { isMe }) => (isMe(by.toLowerCase()) ? `Your offer to ${to} is over.` : `${by}'s offer to you is over.`) },
  traded: { tab: "news gold", says: ({ by, things }) => `You traded with ${by}, and got ${things.map(called).join(", ") || "coins"}.` },

  // The world.
  putback: { tab: "news", toast: "", says: () => "All fades, and you stand outside again." },
  signs: { tab: "news", once: true, says: ({ texts }) => `${texts.length > 1 ? "Signs say" : "A sign says"} ${texts.map((text) => `“${text}”`).join(", ")}.` },
  skies: { tab: "news", once: true, says: ({ text }) => text },
  announced: { tab: "gold", toast: "", says: ({ text }) => `Announcement: ${text}` },
};
