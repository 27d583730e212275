// Draws the map: ground, walls and gates from a chart, and whoever is in view, moving smoothly between updates.

import { healthOf, isDown } from "/health.js";

const CHUNK = 16; // tiles: ground and walls are drawn once for each chunk
const CHUNKS_KEPT = 48;
const CELL = 8; // one sees one's own cell and the eight around it
const GLIDE_MS = 150;
const BUBBLE_MS = 5000;
const FLOAT_MS = 900;

// Ground, its speckles, the top and the front of walls, and which walls are trees ("lone" ones, or "all").
const LOOKS = [
  [/town|village|castle|monastery|ruins|reedhaven/, { ground: [96, 34, 27], speck: [96, 30, 34], top: [28, 14, 46], front: [24, 16, 27], trees: "lone", leaf: [112, 36, 27] }],
  [/forest|deepwood|wood|camp/, { ground: [128, 30, 20], speck: [110, 34, 29], top: [140, 28, 31], front: [140, 30, 16], trees: "all", leaf: [136, 38, 23] }],
  [/cave|mine|crypt|cellar|dungeon|sewers|warren|grotto|hall/, { ground: [232, 14, 17], speck: [232, 14, 24], top: [226, 12, 36], front: [228, 14, 20] }],
  [/coast|harbour|beach|desert|dunes|oasis|lighthouse/, { ground: [42, 34, 38], speck: [42, 38, 47], top: [206, 42, 40], front: [208, 46, 26], trees: "lone", leaf: [92, 40, 34] }],
  [/swamp/, { ground: [78, 26, 20], speck: [90, 34, 28], top: [172, 22, 27], front: [172, 26, 16], trees: "lone", leaf: [84, 28, 22] }],
  [/pass|mountain|snow|peaks|quarry/, { ground: [206, 14, 46], speck: [206, 18, 56], top: [214, 12, 62], front: [216, 14, 36], trees: "lone", leaf: [168, 18, 40] }],
  [/./, { ground: [104, 32, 25], speck: [88, 38, 33], top: [30, 18, 42], front: [26, 20, 24], trees: "lone", leaf: [104, 40, 29] }],
];

// Of players and of the world's people; creatures have others.
const LABELS = { player: "#f1f5fa", person: "#b9e8a8" };
const DOTS = { player: "#ffffff", person: "#9be07f" };
export const isPeople = ({ kind }) => kind in LABELS;

const hsl = ([h, s, l], dl = 0, alpha = 1) => `hsl(${h} ${s}% ${l + dl}% / ${alpha})`;

/** A number from 0 to 1 that is always the same for the same tile. */
function noise(x, y, salt = 0) {
  let n = (x * 374761393 + y * 668265263 + salt * 974634777) | 0;
  n = Math.imul(n ^ (n >>> 13), 1274126177);
  return ((n ^ (n >>> 16)) >>> 0) / 2 ** 32;
}

/** The same between tiles, without steps. */
function smooth(x, y, size, salt) {
  const [cx, cy] = [Math.floor(x / size), Math.floor(y / size)];
  const ease = (part) => part * part * (3 - 2 * part);
  const [u, v] = [ease(x / size - cx), ease(y / size - cy)];
  const mix = (a, b, part) => a + (b - a) * part;
  const row = (dy) => mix(noise(cx, cy + dy, salt), noise(cx + 1, cy + dy, salt), u);
  return mix(row(0), row(1), v);
}

/** A colour for a name: names that differ little differ much in it. */
export function hue(text) {
  let n = 2166136261;
  for (const char of text) n = Math.imul(n ^ char.codePointAt(0), 16777619);
  n = Math.imul(n ^ (n >>> 15), 2246822519);
  return ((n ^ (n >>> 13)) >>> 0) % 360;
}

export class MapView {
  /** `calm`: whether things shall not be animated. */
  constructor(canvas, minimap, calm) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.minimap = minimap;
    this.calm = calm;
    this.chart = null;
    this.me = "";
    this.target = "";
    this.figures = new Map(); // id -> how it is shown
    this.bubbles = new Map(); // name -> {text, until}
    this.floats = [];
    this.camera = null;
    this.way = [];
    this.things = new Map(); // what lies on the ground, by id
    this._chunks = new Map();
    this._resize();
    new ResizeObserver(() => this._resize()).observe(canvas);
  }

  show(chart) {
    if (this.chart === chart) return;
    this.chart = chart;
    this.look = LOOKS.find(([pattern]) => pattern.test(chart.zone))[1];
    this._chunks.clear();
    this.figures.clear();
    this.camera = null;
    this._drawMinimap();
  }

  /** Take over who is in view. `beings`: maps with id, name, kind, x, y, and health where the game tells it. */
  update(beings, now) {
    const seen = new Set();
    for (const being of beings) {
      seen.add(being.id);
      const figure = this.figures.get(being.id);
      if (!figure) {
        this.figures.set(being.id, { being, x: being.x, y: being.y, from: null, since: now, born: now });
        continue;
      }
      figure.being = being;
      if (figure.to && figure.to.x === being.x && figure.to.y === being.y) continue;
      const far = Math.max(Math.abs(figure.x - being.x), Math.abs(figure.y - being.y)) > 3;
      figure.from = far || this.calm ? null : { x: figure.x, y: figure.y };
      figure.to = { x: being.x, y: being.y };
      figure.since = now;
    }
    for (const id of this.figures.keys()) if (!seen.has(id)) this.figures.delete(id);
  }

  say(name, text, now) {
    this.bubbles.set(name, { text: text.length > 60 ? `${text.slice(0, 58)} …` : text, until: now + BUBBLE_MS });
  }

  hit(id, text, colour, now) {
    const figure = this.figures.get(id);
    if (figure) this.floats.push({ x: figure.x, y: figure.y, text, colour, since: now });
  }

  /** The tile under a point of the window. */
  tileAt(clientX, clientY) {
    const box = this.canvas.getBoundingClientRect();
    const { left, top } = this._corner();
    return { x: Math.floor((clientX - box.left + left) / this.tile), y: Math.floor((clientY - box.top + top) / this.tile) };
  }

  figureAt(clientX, clientY) {
    const { x, y } = this.tileAt(clientX, clientY);
    const here = [...this.figures.values()].filter(({ being }) => being.id !== this.me);
    return here.find(({ being }) => being.x === x && being.y === y) || here.find(({ being }) => being.x === x && being.y === y + 1);
  }

  _resize() {
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.ratio = ratio;
    this.tile = this.width < 560 ? 30 : this.width < 1200 ? 36 : 42;
    this._chunks.clear();
  }

  _corner() {
    const camera = this.camera || { x: 0, y: 0 };
    return { left: (camera.x + 0.5) * this.tile - this.width / 2, top: (camera.y + 0.5) * this.tile - this.height / 2 };
  }

  draw(now) {
    const g = this.context;
    g.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    g.fillStyle = "#0b0e13";
    g.fillRect(0, 0, this.width, this.height);
    if (!this.chart) return;
    for (const figure of this.figures.values()) this._glide(figure, now);
    const me = this.figures.get(this.me);
    if (me) this.camera = { x: me.x, y: me.y };
    const { left, top } = this._corner();
    g.translate(-Math.round(left), -Math.round(top));
    this._drawGround(g, left, top);
    this._drawGates(g, now);
    for (const sign of this.chart.signs) this._drawBoard(g, sign);
    if (me) this._drawSight(g, me.being);
    this._drawWay(g);
    for (const thing of this.things.values()) this._drawThing(g, thing, now);
    const figures = [...this.figures.values()].sort((a, b) => a.y - b.y || (a.being.id === this.me) - (b.being.id === this.me));
    for (const figure of figures) this._drawFigure(g, figure, now);
    for (const figure of figures) this._drawSigns(g, figure, now);
    this._drawFloats(g, now);
    this._drawMinimapDots();
  }

  _glide(figure, now) {
    const { being, from, since } = figure;
    const part = from ? Math.min(1, (now - since) / GLIDE_MS) : 1;
    figure.x = from ? from.x + (being.x - from.x) * part : being.x;
    figure.y = from ? from.y + (being.y - from.y) * part : being.y;
    figure.walks = part < 1;
  }

  // Ground and walls.

  _drawGround(g, left, top) {
    const size = CHUNK * this.tile;
    const [firstX, firstY] = [Math.max(0, Math.floor(left / size)), Math.max(0, Math.floor(top / size))];
    const lastX = Math.min(Math.ceil(this.chart.width / CHUNK) - 1, Math.floor((left + this.width) / size));
    const lastY = Math.min(Math.ceil(this.chart.height / CHUNK) - 1, Math.floor((top + this.height) / size));
    for (let cy = firstY; cy <= lastY; cy++)
      for (let cx = firstX; cx <= lastX; cx++) g.drawImage(this._chunk(cx, cy), cx * size, cy * size, size, size);
  }

  _chunk(cx, cy) {
    const key = `${cx},${cy}`;
    if (!this._chunks.has(key)) {
      if (this._chunks.size >= CHUNKS_KEPT) this._chunks.delete(this._chunks.keys().next().value);
      this._chunks.set(key, this._makeChunk(cx, cy));
    }
    return this._chunks.get(key);
  }

  _makeChunk(cx, cy) {
    const made = document.createElement("canvas");
    made.width = made.height = CHUNK * this.tile * this.ratio;
    const g = made.getContext("2d");
    g.scale(this.ratio, this.ratio);
    g.translate(-cx * CHUNK * this.tile, -cy * CHUNK * this.tile);
    const tiles = [];
    for (let y = cy * CHUNK - 1; y <= cy * CHUNK + CHUNK; y++)
      for (let x = cx * CHUNK - 1; x <= cx * CHUNK + CHUNK; x++) if (this._inside(x, y)) tiles.push([x, y]);
    for (const [x, y] of tiles) this._drawFloor(g, x, y);
    for (const [x, y] of tiles) if (this.chart.isWall(x, y)) this._isTree(x, y) ? this._drawTree(g, x, y) : this._drawWall(g, x, y);
    return made;
  }

  /** What stands alone where things grow is a tree; in a wood all is, but its edge. */
  _isTree(x, y) {
    const { trees } = this.look;
    const edge = x === 0 || y === 0 || x === this.chart.width - 1 || y === this.chart.height - 1;
    if (!trees || edge) return trees === "all" && edge;
    return trees === "all" || ![[0, 1], [0, -1], [1, 0], [-1, 0]].some(([dx, dy]) => this._wall(x + dx, y + dy));
  }

  _drawTree(g, x, y) {
    const t = this.tile;
    const px = (x + 0.5 + (noise(x, y, 51) - 0.5) * 0.2) * t;
    const py = (y + 0.82) * t;
    const big = 0.9 + noise(x, y, 52) * 0.3;
    const { leaf } = this.look;
    g.fillStyle = "rgb(0 0 0 / 0.3)";
    g.beginPath();
    g.ellipse(px, py + t * 0.04, t * 0.42 * big, t * 0.16, 0, 0, 7);
    g.fill();
    g.fillStyle = "hsl(28 34% 24%)";
    g.fillRect(px - t * 0.07, py - t * 0.36, t * 0.14, t * 0.4);
    const puffs = [[-0.2, -0.42, 0.27, -5], [0.2, -0.42, 0.27, -4], [0, -0.36, 0.3, -2], [-0.1, -0.64, 0.27, 1], [0.12, -0.66, 0.25, 3], [0, -0.82, 0.2, 7]];
    for (const [dx, dy, r, light] of puffs) {
      g.fillStyle = hsl(leaf, light + noise(x, y, 53) * 5);
      g.beginPath();
      g.arc(px + dx * t * big, py + dy * t * big, r * t * big, 0, 7);
      g.fill();
    }
    g.fillStyle = hsl(leaf, 16, 0.5);
    g.beginPath();
    g.arc(px - t * 0.09, py - t * 0.78 * big, t * 0.07, 0, 7);
    g.fill();
  }

  _inside(x, y) {
    return x >= 0 && y >= 0 && x < this.chart.width && y < this.chart.height;
  }

  _wall(x, y) {
    return !this._inside(x, y) || this.chart.isWall(x, y);
  }

  /** A wall of stone, as its neighbours see it. */
  _stone(x, y) {
    return this._wall(x, y) && !(this._inside(x, y) && this._isTree(x, y));
  }

  _drawFloor(g, x, y) {
    const t = this.tile;
    const { ground, speck } = this.look;
    for (let part = 0; part < 4; part++) {
      const [sx, sy] = [x + (part & 1) / 2, y + (part >> 1) / 2];
      g.fillStyle = hsl(ground, smooth(sx, sy, 5, 9) * 7 - 3.5 + noise(sx * 2, sy * 2) * 1.1);
      g.fillRect(sx * t, sy * t, t / 2 + 0.5, t / 2 + 0.5);
    }
    const specks = Math.floor(noise(x, y, 1) * 4);
    for (let n = 0; n < specks; n++) {
      const px = (x + 0.1 + 0.8 * noise(x, y, 10 + n)) * t;
      const py = (y + 0.1 + 0.8 * noise(x, y, 20 + n)) * t;
      g.strokeStyle = hsl(speck, noise(x, y, 30 + n) * 8, 0.75);
      g.lineWidth = Math.max(1, t / 26);
      g.beginPath();
      g.moveTo(px, py);
      g.lineTo(px + (noise(x, y, 40 + n) - 0.5) * t * 0.12, py - t * 0.11);
      g.stroke();
    }
    if (!this._wall(x, y) && this._wall(x, y - 1) && !this._isTree(x, y - 1)) {
      const shade = g.createLinearGradient(0, y * t, 0, (y + 0.45) * t);
      shade.addColorStop(0, "rgb(0 0 0 / 0.42)");
      shade.addColorStop(1, "rgb(0 0 0 / 0)");
      g.fillStyle = shade;
      g.fillRect(x * t, y * t, t, t * 0.45);
    }
  }

  _drawWall(g, x, y) {
    const t = this.tile;
    const { top, front } = this.look;
    const open = { s: !this._stone(x, y + 1), n: !this._stone(x, y - 1), w: !this._stone(x - 1, y), e: !this._stone(x + 1, y) };
    const deep = open.s ? t * 0.34 : 0;
    const r = t * 0.2;
    const corners = [open.n && open.w ? r : 0, open.n && open.e ? r : 0, open.s && open.e ? r * 0.6 : 0, open.s && open.w ? r * 0.6 : 0];
    g.fillStyle = hsl(front, noise(x, y, 4) * 3);
    if (open.s) g.fillRect(x * t, y * t + t * 0.4, t, t * 0.6);
    g.fillStyle = hsl(top, noise(x, y, 3) * 4 - 2);
    g.beginPath();
    g.roundRect(x * t - 0.4, y * t - 0.4, t + 0.8, t - deep + 0.8, corners);
    g.fill();
    g.fillStyle = hsl(top, 7, 0.55);
    if (open.n) g.fillRect(x * t + corners[0], y * t, t - corners[0] - corners[1], 1.5);
    if (open.w) g.fillRect(x * t, y * t + corners[0], 1.5, t - deep - corners[0]);
    g.fillStyle = hsl(top, -6, 0.5);
    if (noise(x, y, 5) > 0.55) {
      const at = 0.2 + noise(x, y, 6) * 0.45;
      g.fillRect((x + at) * t, (y + 0.2 + noise(x, y, 7) * 0.25) * t, t * 0.22, 1.5);
    }
    if (open.s) {
      g.fillStyle = "rgb(0 0 0 / 0.22)";
      g.fillRect(x * t, (y + 1) * t - deep, t, 2);
      g.fillRect(x * t + t * (0.25 + noise(x, y, 8) * 0.5), (y + 1) * t - deep + 3, 1.5, deep - 5);
    }
  }

  _drawGates(g, now) {
    const t = this.tile;
    const pulse = this.calm ? 0.5 : 0.5 + 0.5 * Math.sin(now / 520);
    for (const { x, y, zone } of this.chart.gates.values()) {
      const [px, py] = [(x + 0.5) * t, (y + 0.5) * t];
      const glow = g.createRadialGradient(px, py, t * 0.05, px, py, t * (0.72 + 0.08 * pulse));
      glow.addColorStop(0, `hsl(190 95% 82% / ${0.85 + 0.1 * pulse})`);
      glow.addColorStop(0.45, "hsl(200 90% 58% / 0.55)");
      glow.addColorStop(1, "hsl(215 90% 50% / 0)");
      g.fillStyle = glow;
      g.beginPath();
      g.arc(px, py, t * 0.8, 0, 7);
      g.fill();
      g.strokeStyle = "hsl(190 95% 88% / 0.9)";
      g.lineWidth = 1.6;
      for (let arm = 0; arm < 3; arm++) {
        const turn = (this.calm ? 0 : now / 700) + (arm * Math.PI * 2) / 3;
        g.beginPath();
        g.arc(px, py, t * 0.26, turn, turn + 1.25);
        g.stroke();
      }
      this._label(g, `→ ${zone}`, px, y * t - t * 0.12, "#bfeaff", 11);
    }
  }

  /** A board of a shop, a bank or the like. */
  _drawBoard(g, { x, y, kind, title }) {
    const t = this.tile;
    const [px, py] = [(x + 0.5) * t, (y + 0.5) * t];
    g.fillStyle = "rgb(0 0 0 / 0.35)";
    g.beginPath();
    g.ellipse(px, py + t * 0.4, t * 0.22, t * 0.08, 0, 0, 7);
    g.fill();
    g.fillStyle = "hsl(28 38% 30%)";
    g.fillRect(px - t * 0.05, py - t * 0.05, t * 0.1, t * 0.46);
    g.fillStyle = `hsl(${hue(kind)} 38% 40%)`;
    g.strokeStyle = "hsl(40 60% 78%)";
    g.lineWidth = 1.5;
    g.beginPath();
    g.roundRect(px - t * 0.34, py - t * 0.4, t * 0.68, t * 0.46, t * 0.08);
    g.fill();
    g.stroke();
    this._label(g, title.slice(0, 1), px, py - t * 0.06, "#fff3cf", t * 0.34);
    this._label(g, title, px, y * t - t * 0.02, "#f3dfae", 11);
  }

  /** Whatever lies beyond the cells in view is darker: who is there cannot be seen. */
  _drawSight(g, { x, y }) {
    const t = this.tile;
    const left = (Math.floor(x / CELL) - 1) * CELL * t;
    const top = (Math.floor(y / CELL) - 1) * CELL * t;
    const size = 3 * CELL * t;
    const far = 200 * t;
    g.fillStyle = "rgb(6 9 14 / 0.1)";
    for (let edge = 0; edge < 6; edge++) {
      const out = edge * t * 0.09;
      g.beginPath();
      g.rect(left - far, top - far, size + 2 * far, size + 2 * far);
      g.roundRect(left - out, top - out, size + 2 * out, size + 2 * out, t * 0.9);
      g.fill("evenodd");
    }
  }

  _drawWay(g) {
    g.fillStyle = "rgb(255 236 170 / 0.55)";
    for (const { x, y } of this.way) {
      g.beginPath();
      g.arc((x + 0.5) * this.tile, (y + 0.5) * this.tile, this.tile * 0.09, 0, 7);
      g.fill();
    }
  }

  _drawThing(g, { x, y, kind, title, count = 0 }, now) {
    const t = this.tile;
    const [px, py] = [(x + 0.5) * t, (y + 0.62) * t];
    const tint = hue(kind);
    const lift = this.calm ? 0 : Math.sin(now / 600 + x + y) * t * 0.02;
    g.fillStyle = "rgb(0 0 0 / 0.35)";
    g.beginPath();
    g.ellipse(px, py + t * 0.17, t * 0.2, t * 0.07, 0, 0, 7);
    g.fill();
    g.fillStyle = `hsl(${tint} 48% 52%)`;
    g.strokeStyle = `hsl(${tint} 60% 84%)`;
    g.lineWidth = 1.5;
    g.beginPath();
    g.roundRect(px - t * 0.17, py - t * 0.18 + lift, t * 0.34, t * 0.32, t * 0.09);
    g.fill();
    g.stroke();
    g.beginPath();
    g.arc(px, py - t * 0.18 + lift, t * 0.08, Math.PI, 0);
    g.stroke();
    this._label(g, count > 1 ? `${title} (${count})` : title, px, py + t * 0.38, "#d7e3c4", 10);
  }

  // Beings.

  _drawFigure(g, figure, now) {
    const { being } = figure;
    const t = this.tile;
    const mine = being.id === this.me;
    const bob = figure.walks && !this.calm ? Math.abs(Math.sin((now - figure.since) / 48)) * t * 0.07 : 0;
    const [px, py] = [(figure.x + 0.5) * t, (figure.y + 0.56) * t];
    g.fillStyle = "rgb(0 0 0 / 0.38)";
    g.beginPath();
    g.ellipse(px, py + t * 0.3, t * 0.3, t * 0.11, 0, 0, 7);
    g.fill();
    if (being.id === this.target) {
      g.strokeStyle = "#ff7a6b";
      g.lineWidth = 2.5;
      g.beginPath();
      g.ellipse(px, py + t * 0.28, t * 0.42, t * 0.19, 0, 0, 7);
      g.stroke();
    }
    g.globalAlpha = isDown(being) ? 0.35 : 1;
    if (isPeople(being)) this._drawPerson(g, px, py - bob, being, mine);
    else this._drawCreature(g, px, py - bob, being);
    g.globalAlpha = 1;
  }

  _drawPerson(g, px, py, being, mine) {
    const t = this.tile * 1.2;
    py -= t * 0.06;
    const tint = mine ? 44 : hue(being.name);
    const body = g.createLinearGradient(0, py - t * 0.3, 0, py + t * 0.32);
    body.addColorStop(0, `hsl(${tint} ${mine ? 82 : 52}% ${mine ? 64 : 58}%)`);
    body.addColorStop(1, `hsl(${tint} ${mine ? 70 : 48}% 36%)`);
    g.fillStyle = body;
    g.strokeStyle = mine ? "#fff3cf" : "rgb(0 0 0 / 0.55)";
    g.lineWidth = mine ? 2 : 1.4;
    g.beginPath();
    g.moveTo(px - t * 0.27, py + t * 0.3);
    g.bezierCurveTo(px - t * 0.32, py - t * 0.12, px + t * 0.32, py - t * 0.12, px + t * 0.27, py + t * 0.3);
    g.closePath();
    g.fill();
    g.stroke();
    g.fillStyle = `hsl(${26 + (hue(being.id) % 10)} 48% ${62 + (hue(being.id) % 18)}%)`;
    g.beginPath();
    g.arc(px, py - t * 0.17, t * 0.185, 0, 7);
    g.fill();
    g.stroke();
    g.fillStyle = `hsl(${(hue(being.id) * 7) % 50} 40% ${16 + (hue(being.id) % 26)}%)`;
    g.beginPath();
    g.arc(px, py - t * 0.2, t * 0.19, Math.PI, 2 * Math.PI);
    g.fill();
  }

  _drawCreature(g, px, py, being) {
    const t = this.tile * 1.2;
    const big = Math.min(1.25, 0.72 + (healthOf(being)?.full ?? 100) / 160);
    const tint = (hue(being.kind) + 300) % 360;
    const r = t * 0.27 * big;
    g.fillStyle = `hsl(${tint} 26% 30%)`;
    g.beginPath();
    g.moveTo(px - r * 0.85, py - r * 0.4);
    g.lineTo(px - r * 0.72, py - r * 1.35);
    g.lineTo(px - r * 0.1, py - r * 0.75);
    g.lineTo(px + r * 0.1, py - r * 0.75);
    g.lineTo(px + r * 0.72, py - r * 1.35);
    g.lineTo(px + r * 0.85, py - r * 0.4);
    g.fill();
    const body = g.createRadialGradient(px - r * 0.3, py - r * 0.4, r * 0.1, px, py, r * 1.3);
    body.addColorStop(0, `hsl(${tint} 34% 56%)`);
    body.addColorStop(1, `hsl(${tint} 34% 26%)`);
    g.fillStyle = body;
    g.strokeStyle = "rgb(0 0 0 / 0.6)";
    g.lineWidth = 1.4;
    g.beginPath();
    g.ellipse(px, py + r * 0.1, r, r * 0.92, 0, 0, 7);
    g.fill();
    g.stroke();
    for (const side of [-1, 1]) {
      g.fillStyle = "#ffe9a8";
      g.beginPath();
      g.ellipse(px + side * r * 0.38, py - r * 0.12, r * 0.19, r * 0.23, 0, 0, 7);
      g.fill();
      g.fillStyle = "#2a0d0d";
      g.beginPath();
      g.arc(px + side * r * 0.36, py - r * 0.08, r * 0.1, 0, 7);
      g.fill();
    }
  }

  _drawSigns(g, figure, now) {
    const { being } = figure;
    const t = this.tile;
    const px = (figure.x + 0.5) * t;
    const top = figure.y * t - t * 0.1;
    const health = healthOf(being);
    const mine = being.id === this.me;
    this._label(g, being.name, px, top - 5, mine ? "#ffe7a3" : (LABELS[being.kind] ?? "#ffc2b3"), 11.5);
    if (health && (health.part < 1 || being.id === this.target)) this._bar(g, px, top, health.part);
    const bubble = this.bubbles.get(being.name);
    if (bubble && being.kind === "player") {
      if (bubble.until < now) this.bubbles.delete(being.name);
      else this._bubble(g, bubble.text, px, top - 20);
    }
  }

  _bar(g, px, y, part) {
    const wide = this.tile * 0.8;
    g.fillStyle = "rgb(0 0 0 / 0.7)";
    g.fillRect(px - wide / 2 - 1, y - 1, wide + 2, 5);
    g.fillStyle = part > 0.5 ? "#71d06f" : part > 0.25 ? "#f0b64a" : "#ef5d50";
    g.fillRect(px - wide / 2, y, wide * Math.max(0, Math.min(1, part)), 3);
  }

  _label(g, text, x, y, colour, size) {
    g.font = `600 ${size}px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;
    g.textAlign = "center";
    g.lineJoin = "round";
    g.lineWidth = 3.2;
    g.strokeStyle = "rgb(6 9 14 / 0.85)";
    g.strokeText(text, x, y);
    g.fillStyle = colour;
    g.fillText(text, x, y);
  }

  _bubble(g, text, x, y) {
    g.font = '500 12.5px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
    const lines = wrap(g, text, 190);
    const wide = Math.max(...lines.map((line) => g.measureText(line).width)) + 18;
    const high = lines.length * 16 + 10;
    g.fillStyle = "rgb(250 250 246 / 0.95)";
    g.beginPath();
    g.roundRect(x - wide / 2, y - high, wide, high, 9);
    g.moveTo(x - 6, y - 0.5);
    g.lineTo(x, y + 7);
    g.lineTo(x + 6, y - 0.5);
    g.fill();
    g.fillStyle = "#1b2430";
    g.textAlign = "center";
    lines.forEach((line, n) => g.fillText(line, x, y - high + 18 + n * 16));
  }

  _drawFloats(g, now) {
    this.floats = this.floats.filter(({ since }) => now - since < FLOAT_MS);
    for (const { x, y, text, colour, since } of this.floats) {
      const part = (now - since) / FLOAT_MS;
      g.globalAlpha = 1 - part * part;
      this._label(g, text, (x + 0.5) * this.tile, y * this.tile - part * this.tile * 0.7, colour, 16);
      g.globalAlpha = 1;
    }
  }

  // The small map.

  _drawMinimap() {
    const { width, height } = this.chart;
    const scale = Math.max(1, Math.min(Math.floor(180 / width), Math.floor(150 / height)));
    const made = document.createElement("canvas");
    [made.width, made.height] = [Math.min(180, width * scale), Math.min(150, height * scale)];
    const g = made.getContext("2d");
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        g.fillStyle = this.chart.isWall(x, y) ? hsl(this.look.top, 8) : hsl(this.look.ground, 2);
        g.fillRect(x * scale, y * scale, scale, scale);
      }
    g.fillStyle = "#8fe3ff";
    for (const gate of this.chart.gates.values()) g.fillRect(gate.x * scale - 1, gate.y * scale - 1, scale + 2, scale + 2);
    g.fillStyle = "#f3c969";
    for (const sign of this.chart.signs) g.fillRect(sign.x * scale, sign.y * scale, scale + 1, scale + 1);
    this._small = { made, scale };
    [this.minimap.width, this.minimap.height] = [made.width, made.height];
  }

  _drawMinimapDots() {
    const { made, scale } = this._small;
    const g = this.minimap.getContext("2d");
    g.drawImage(made, 0, 0);
    for (const { being } of this.figures.values()) {
      const mine = being.id === this.me;
      const size = mine ? scale + 3 : scale + 1;
      g.fillStyle = mine ? "#ffd75e" : (DOTS[being.kind] ?? "#ff7a6b");
      g.fillRect((being.x + 0.5) * scale - size / 2, (being.y + 0.5) * scale - size / 2, size, size);
    }
  }
}

function wrap(g, text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
    if (g.measureText(longer).width <= width || !lines.at(-1)) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
