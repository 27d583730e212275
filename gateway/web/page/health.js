// How well somebody is, as far as that is told: a game without combat tells nothing of it.

/** The health of who is told of: `left` of `full`, and the part that this is; null where nothing was told. */
export function healthOf({ hp, hp_max: full = 100 }) {
  return hp === undefined ? null : { left: hp, full, part: hp / full };
}

/** Whether it is known that somebody has no health left. */
export function isDown(being) {
  const health = healthOf(being);
  return health !== null && health.left <= 0;
}

/** The same as part of a sentence: ", health 7 of 10", or nothing. */
export function inWords(being) {
  const health = healthOf(being);
  return health ? `, health ${health.left} of ${health.full}` : "";
}
