// As much of a browser's WebSocket as the library uses, for versions of Node that have none of their own.
import { createConnection } from "node:net";
import { randomBytes } from "node:crypto";

class Socket {
  constructor(url, protocols) {
    const { hostname, port, pathname, host } = new URL(url);
    this.buffer = Buffer.alloc(0);
    this.open = false;
    this.socket = createConnection({ host: hostname, port: Number(port) }, () => {
      this.socket.write(
        `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
          `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\nSec-WebSocket-Protocol: ${protocols.join(", ")}\r\n\r\n`,
      );
    });
    this.socket.on("data", (data) => this.read(data));
    this.socket.on("error", () => {});
    this.socket.on("close", () => this.onclose && this.onclose());
  }

  read(data) {
    this.buffer = Buffer.concat([this.buffer, data]);
    if (!this.open) {
      const end = this.buffer.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!this.buffer.subarray(0, 12).equals(Buffer.from("HTTP/1.1 101"))) return this.socket.destroy();
      this.buffer = this.buffer.subarray(end + 4);
      this.open = true;
      this.onopen();
    }
    for (let frame = this.next(); frame; frame = this.next()) {
      if (frame.opcode === 1) this.onmessage({ data: frame.payload.toString() });
      if (frame.opcode === 8) this.socket.end();
    }
  }

  next() {
    const buffer = this.buffer;
    if (buffer.length < 2) return null;
    let at = 2;
    let size = buffer[1];
    if (size === 126) [size, at] = [buffer.length < 4 ? Infinity : buffer.readUInt16BE(2), 4];
    if (size === 127) [size, at] = [buffer.length < 10 ? Infinity : Number(buffer.readBigUInt64BE(2)), 10];
    if (buffer.length < at + size) return null;
    this.buffer = buffer.subarray(at + size);
    return { opcode: buffer[0] & 15, payload: buffer.subarray(at, at + size) };
  }

  send(text) {
    const payload = Buffer.from(text);
    const mask = randomBytes(4);
    for (let n = 0; n < payload.length; n++) payload[n] ^= mask[n % 4];
    const size = payload.length;
    const head = size < 126 ? Buffer.from([0x81, 0x80 | size]) : Buffer.from([0x81, 0xfe, size >> 8, size & 255]);
    this.socket.write(Buffer.concat([head, mask, payload]));
  }

  close() {
    this.socket.end();
  }
}

export const WebSocket = globalThis.WebSocket || Socket;
