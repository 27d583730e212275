// Takes notices from the standard input: prints how each reads on the page, by the table of words and by those of panels.
import { readFileSync } from "node:fs";

const [{ WORDS }, { PANELS }] = await Promise.all(["words.js", "tables.js"].map((file) => import(`${process.argv[2]}/${file}`)));
const me = { id: "ada", name: "Ada" };
const nobody = { asked() {}, answered() {}, changed() {} };
const context = {
  me,
  page: { group: nobody, invites: nobody, challenges: nobody },
  isMe: (id) => id === me.id,
  nameOf: (id) => `<${id}>`,
};
const reads = (notice) => [WORDS[notice.type]?.says, ...PANELS.map(({ told }) => told?.[notice.type])].filter(Boolean).map((says) => says(notice, context));
console.log(JSON.stringify(JSON.parse(readFileSync(0)).map(reads)));
