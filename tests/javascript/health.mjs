// Prints what the page makes of the health of beings: of one in a game without combat, well, hurt, slain.
import { healthOf, inWords, isDown } from "../../gateway/web/page/health.js";

const beings = [{}, { hp: 7, hp_max: 10 }, { hp: 50 }, { hp: 0, hp_max: 10 }];
console.log(JSON.stringify(beings.map((being) => [healthOf(being), isDown(being), inWords(being)])));
