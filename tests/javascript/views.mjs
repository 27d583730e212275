// Takes stories from the standard input, lists of [name, data]: prints what the library's view knows after each, and what it follows.
import { readFileSync } from "node:fs";
import { FOLLOWS, View } from "../../gateway/web/gameserver-client/index.js";

const { notices, told } = JSON.parse(readFileSync(0));

function known(story) {
  const view = new View();
  for (const [type, data] of story) {
    if (notices.includes(type)) view.noticed({ type, ...data });
    else view.replied({ type }, data);
  }
  return [view.me, Object.fromEntries(view.beings)];
}

console.log(JSON.stringify({ follows: [...FOLLOWS.keys()], seen: told.map(known) }));
