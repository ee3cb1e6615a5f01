// An HTTP load at a fixed rate, over raw sockets: light enough to leave the cores to what is measured, and measured from
// when a request was due, so that a stall counts for every request that it delayed.
import net from 'node:net';
import { once } from 'node:events';

const CONNECTIONS = 16;

/** Sends `rate` requests a second for `seconds` (as many as it gets through without a rate); times in milliseconds. */
export async function load(origin, headers, rate, seconds) {
  const { hostname, port, host } = new URL(origin);
  const address = hostname.endsWith('localhost') ? '127.0.0.1' : hostname;
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = Buffer.from(`GET / HTTP/1.1\r\n${lines.join('')}\r\n`);
  const idle = [];
  const due = [];
  const samples = [];
  let failures = 0;
  const until = performance.now() + seconds * 1_000;

  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    const socket = net.connect(Number(port), address);
    socket.setNoDelay(true);
    await once(socket, 'connect');
    const connection = { socket, since: 0, missing: -1, isBusy: false };
    socket.on('data', (chunk) => received(connection, chunk));
    socket.on('error', () => { failures += 1; });
    return connection;
  }));
  idle.push(...connections);

  function received(connection, chunk) {
    if (connection.missing < 0) {
      const text = chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (!text.startsWith('HTTP/1.1 200')) failures += 1;
      const length = /content-length: (\d+)/i.exec(text.slice(0, head));
      connection.missing = head + 4 + Number(length?.[1] ?? 0);
    }
    connection.missing -= chunk.length;
    if (connection.missing > 0) return;
    connection.missing = -1;
    samples.push(performance.now() - connection.since);
    idle.push(connection);
    send();
  }

  function send() {
    while (idle.length > 0 && (rate ? due.length > 0 : performance.now() < until)) {
      const connection = idle.pop();
      connection.since = rate ? due.shift() : performance.now();
      connection.socket.write(request);
    }
  }

  const begun = performance.now();
  if (rate) {
    let scheduled = 0;
    while (performance.now() < until) {
      const wanted = Math.floor(((performance.now() - begun) / 1_000) * rate);
      for (; scheduled < wanted; scheduled++) due.push(begun + (scheduled * 1_000) / rate);
      send();
      await new Promise((resolve) => setImmediate(resolve));
    }
  } else {
    send();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  }
  const elapsed = (performance.now() - begun) / 1_000;
  connections.forEach(({ socket }) => socket.destroy());
  return { samples, failures, reached: Math.round(samples.length / elapsed) };
}
