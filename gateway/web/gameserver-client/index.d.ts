import type { Events, Notices, Entered, Being } from "./events.js";

export type { Events, Notices } from "./events.js";
export * from "./events.js";

export const PROTOCOL: number;

/** One event did not take effect; the connection goes on. The codes are listed in the protocol's document. */
export class Refused extends Error {
  code: string;
  constructor(code: string, message: string);
}

/** The session is over, or no gateway answers. Events that were not answered may have taken effect. */
export class ConnectionLost extends Error {
  code: string;
  constructor(code: string, message: string);
}

export type State = "connecting" | "greeted" | "playing" | "away" | "over";

export interface Packet {
  type: string;
  [field: string]: unknown;
}

export interface Options {
  /** Events that may be unanswered at a time; 0: as many as the server lets wait in a lane. */
  window?: number;
  /** Milliseconds. */
  backoffBase?: number;
  backoffCap?: number;
  /** For one gateway to accept a connection. */
  connectMax?: number;
  attemptMax?: number;
  /** Without a packet until the server is pinged, and again until the connection is given up. */
  silenceMax?: number;
  ackDelay?: number;
  ackIdsMax?: number;
  ledAgain?: number;
  /** A class that behaves as the browser's does. */
  WebSocket?: unknown;
  random?: () => number;
  now?: () => number;
  setTimeout?: (call: () => void, ms: number) => unknown;
  clearTimeout?: (timer: unknown) => void;
  /** Of a session to resume: what `saved` gave. */
  token?: string;
  sent?: number;
  attempt?: number;
}

export const DEFAULTS: Required<
  Pick<Options, "window" | "backoffBase" | "backoffCap" | "connectMax" | "attemptMax" | "silenceMax" | "ackDelay" | "ackIdsMax" | "ledAgain">
>;

type Fields<E extends keyof Events> = Events[E]["fields"];

export class Client {
  constructor(urls: string | string[], options?: Options);
  readonly state: State;
  readonly view: View;
  readonly reconnects: number;
  readonly unanswered: number;
  readonly session: string;
  /** Why the session is over. */
  readonly reason: ConnectionLost | null;
  /** Why the connection before this one was given up. */
  readonly lost: ConnectionLost | null;
  readonly saved: { token: string; sent: number; attempt: number };
  on<N extends keyof Notices>(type: N, listener: (notice: Notices[N]) => void): () => void;
  on(type: "*", listener: (notice: Packet) => void): () => void;
  on(type: "state", listener: (state: State) => void): () => void;
  on(type: "packet", listener: (direction: "sent" | "received", packet: Packet) => void): () => void;
  on(type: string, listener: (notice: Packet) => void): () => void;
  open(): Promise<this>;
  register(name: string, password: string): Promise<Entered>;
  login(name: string, password: string): Promise<Entered>;
  send<E extends keyof Events>(type: E, ...fields: {} extends Fields<E> ? [Fields<E>?] : [Fields<E>]): Promise<Events[E]["data"]>;
  logout(): Promise<void>;
  close(): void;
  drop(): void;
}

/** Oneself, as far as that was told. */
export type Me = Partial<Being> & {
  zone?: string;
  xp?: number;
  level?: number;
  /** The name of whom one fights a duel with, "" for nobody. */
  rival?: string;
  companions?: Array<{ id: string; [field: string]: unknown }>;
  sky?: { part: string; weather: string };
};

/** The world as the player sees it. */
export class View {
  readonly me: Me;
  readonly zone: { zone?: string; title?: string; width?: number; height?: number };
  readonly beings: Map<string, Being>;
  get(id: string): Partial<Being> | undefined;
  // What functions of FOLLOWS use.
  arrive(there: { zone: string; x: number; y: number }): void;
  show(being: Being): void;
  showOnly(beings: Being[], keep: (being: Being) => boolean): void;
  hide(who: string, v: number): void;
  change(who: string, fields: Partial<Being>): void;
}

/** How a view follows notices, and the data of replies to events, by their names. That of another game adds to it. */
export const FOLLOWS: Map<string, (view: View, told: any) => void>;
