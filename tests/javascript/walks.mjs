// Takes a map and steps from the standard input, and prints where the page's own rule says that each leads.
import { Chart, foresee } from "../../gateway/web/page/walking.js";
import { readFileSync } from "node:fs";

const { chart, cases } = JSON.parse(readFileSync(0));
const here = new Chart(chart);
console.log(JSON.stringify(cases.map(({ x, y, dirs }) => foresee(here, { x, y }, dirs))));
