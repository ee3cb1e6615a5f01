// Requests to preview hosts. Browsers resolve *.localhost themselves; the system's resolver need not, so the name goes into
// the Host header and the connection to the loopback address.
import http from 'node:http';

/** Answers `{ status, headers, body }`; `body` is text. */
export function get(url, { headers = {}, method = 'GET', agent } = {}) {
  const { hostname, port, pathname, search, host } = new URL(url);
  const address = hostname.endsWith('localhost') ? '127.0.0.1' : hostname;
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: address, port, method, path: pathname + search, headers: { host, ...headers }, agent },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() });
        });
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end();
  });
}

/** Exchanges the token of a preview URL for its cookie; answers the `Cookie` header. */
export async function previewCookie(previewUrl) {
  const answer = await get(previewUrl, { headers: { accept: 'text/html' } });
  const cookies = answer.headers['set-cookie'] ?? [];
  if (answer.status !== 303 || cookies.length === 0) {
    throw new Error(`the token was not exchanged: ${answer.status} ${answer.body.slice(0, 500)}`);
  }
  return cookies[0].split(';')[0];
}
