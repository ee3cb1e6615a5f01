// The stand-in's channel: a WebSocket server of a few lines, enough for text frames of one page or several.
import { createHash, randomUUID } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const NAMES = ["Ada Lovelace", "Grace Hopper", "Alan Turing", "Edsger Dijkstra"];

/** Answers a request to upgrade at `/v1/apps/{app}/channel`. */
export function openChannel(app, request, socket) {
  const accept = createHash("sha1")
    .update(request.headers["sec-websocket-key"] + GUID)
    .digest("base64");
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: vitrine.v1\r\n\r\n`,
  );
  const client = {
    id: randomUUID().slice(0, 8),
    socket,
    person: { name: NAMES[app.clients.size % NAMES.length] },
  };
  client.person.client_id = client.id;
  app.clients.add(client);
  const people = () => [...app.clients].map(({ person }) => person);
  const leave = () => {
    if (app.clients.delete(client)) broadcast(app, { type: "presence", people: people() });
  };
  send(client, {
    type: "hello",
    client_id: client.id,
    seq: app.seq,
    version: app.version,
    presence: people(),
  });
  broadcast(app, { type: "presence", people: people() });
  let buffer = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (let frame = take(buffer); frame; frame = take(buffer)) {
      buffer = frame.rest;
      if (frame.opcode === 8) return socket.end();
      if (frame.opcode !== 1) continue;
      const message = JSON.parse(frame.text);
      if (message.type === "ping") send(client, { type: "pong" });
      if (message.type !== "presence") continue;
      const { file, line } = message;
      client.person = { client_id: client.id, name: client.person.name, ...(file && { file, line }) };
      broadcast(app, { type: "presence", people: people() });
    }
  });
  socket.on("close", leave);
  socket.on("error", leave);
}

/** Tells everybody who listens; what can be asked for again gets a number. */
export function broadcast(app, message) {
  const numbered = message.type === "presence" ? message : { seq: ++app.seq, ...message };
  for (const client of app.clients) send(client, numbered);
}

function send({ socket }, message) {
  const body = Buffer.from(JSON.stringify(message));
  const head =
    body.length < 126
      ? Buffer.from([0x81, body.length])
      : Buffer.from([0x81, 126, body.length >> 8, body.length & 255]);
  socket.write(Buffer.concat([head, body]));
}

/** The first whole frame of `buffer`, unmasked; undefined while there is none. */
function take(buffer) {
  if (buffer.length < 6) return undefined;
  const short = buffer[1] & 127;
  const start = short === 126 ? 4 : 2;
  const length = short === 126 ? buffer.readUInt16BE(2) : short;
  const end = start + 4 + length;
  if (buffer.length < end) return undefined;
  const mask = buffer.subarray(start, start + 4);
  const body = buffer.subarray(start + 4, end).map((byte, index) => byte ^ mask[index % 4]);
  return { opcode: buffer[0] & 15, text: Buffer.from(body).toString(), rest: buffer.subarray(end) };
}
