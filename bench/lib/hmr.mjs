// Vite's HMR socket, as its client in the browser opens it.
import { once } from 'node:events';
import WebSocket from 'ws';
import { get } from '../../e2e/lib/http.mjs';

/** Connects; `next(kind)` answers when the next message of that kind arrives. */
export async function connect(origin, headers = {}) {
  const client = await get(`${origin}/@vite/client`, { headers });
  const token = /wsToken = "([^"]+)"/.exec(client.body)?.[1] ?? '';
  const { hostname, port, host } = new URL(origin);
  const address = hostname.endsWith('localhost') ? '127.0.0.1' : hostname;
  const socket = new WebSocket(`ws://${address}:${port}/?token=${token}`, 'vite-hmr', { headers: { host, origin, ...headers } });
  const waiting = [];
  socket.on('message', (data) => {
    const { type } = JSON.parse(String(data));
    const index = waiting.findIndex((entry) => entry.type === type);
    if (index >= 0) waiting.splice(index, 1)[0].resolve(performance.now());
  });
  await once(socket, 'open');
  return {
    next: (type) => new Promise((resolve) => waiting.push({ type, resolve })),
    close: () => socket.terminate(),
  };
}
