// Walking as the server's rule has it (gameserver/modules/movement/rules.py), so that own steps are shown at once. Pure.

export const STEPS = { n: [0, -1], ne: [1, -1], e: [1, 0], se: [1, 1], s: [0, 1], sw: [-1, 1], w: [-1, 0], nw: [-1, -1] };

/** A zone's map, from the reply to `chart`. */
export class Chart {
  constructor({ zone, title, width, height, walls, gates, safe = false, signs = [] }) {
    Object.assign(this, { zone, title, width, height, safe, signs });
    this.gates = new Map(gates.map((gate) => [`${gate.x},${gate.y}`, gate]));
    this._bits = Uint8Array.from(atob(walls), (char) => char.charCodeAt(0));
    this._row = Math.ceil(width / 8);
  }

  isWall(x, y) {
    return (this._bits[y * this._row + (x >> 3)] & (0x80 >> (x & 7))) !== 0;
  }

  isWalkable(x, y) {
    return x >= 0 && y >= 0 && x < this.width && y < this.height && !this.isWall(x, y);
  }

  gateAt(x, y) {
    return this.gates.get(`${x},${y}`);
  }

  /** What the map shows there: a shop, a bank. */
  signAt(x, y) {
    return this.signs.find((sign) => sign.x === x && sign.y === y);
  }
}

/** Where a step leads: a place, or `null` where there is no way. `leaves`: whether it leads out of the zone. */
export function step(chart, { x, y }, dir) {
  const [dx, dy] = STEPS[dir];
  const to = { x: x + dx, y: y + dy };
  if (!chart.isWalkable(to.x, to.y)) return null;
  return { ...to, leaves: chart.gateAt(to.x, to.y) !== undefined };
}

/** Where one stands after steps that were not answered yet: as far as that can be told. */
export function foresee(chart, at, dirs) {
  let place = at;
  for (const dir of dirs) {
    if (place.leaves) break; // the other zone is not known here
    place = step(chart, place, dir) || place;
  }
  return place;
}

/** The direction of the first step from one place to a neighbouring one, "" for none. */
export function towards(from, to) {
  const dx = Math.sign(to.x - from.x);
  const dy = Math.sign(to.y - from.y);
  return Object.keys(STEPS).find((dir) => STEPS[dir][0] === dx && STEPS[dir][1] === dy) || "";
}

export function distance(a, b) {
  return Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y));
}

/** The directions of a shortest way to within `near` tiles of a place; `null` if there is none of at most `longest` steps. */
export function findWay(chart, from, to, near = 0, longest = 80) {
  const start = `${from.x},${from.y}`;
  const came = new Map([[start, null]]);
  let edge = [from];
  for (let steps = 0; steps <= longest && edge.length; steps++) {
    const next = [];
    for (const place of edge) {
      if (distance(place, to) <= near) return trace(came, place);
      if (chart.gateAt(place.x, place.y) && steps) continue; // whoever steps there is elsewhere
      for (const dir of Object.keys(STEPS)) {
        const reached = step(chart, place, dir);
        if (!reached || came.has(`${reached.x},${reached.y}`)) continue;
        came.set(`${reached.x},${reached.y}`, { place, dir });
        next.push(reached);
      }
    }
    edge = next;
  }
  return null;
}

function trace(came, place) {
  const way = [];
  for (let link = came.get(`${place.x},${place.y}`); link; link = came.get(`${link.place.x},${link.place.y}`)) way.unshift(link.dir);
  return way;
}
