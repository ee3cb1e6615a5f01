// What a hostile page tries, each attempt as a function that runs in the page and tells what it saw. They run by
// themselves in the page's own world, with the page's own rights: as its own script would.

const settle = `
  const seen = async (attempt) => {
    try {
      const value = await attempt();
      return value === undefined ? 'nothing' : String(value);
    } catch (error) {
      return error.name ?? String(error);
    }
  };
  const loads = (element, ms = 4000) => new Promise((resolve) => {
    element.onload = () => resolve('loaded');
    element.onerror = () => resolve('error');
    setTimeout(() => resolve('nothing'), ms);
    document.body.append(element);
  });
  const opens = (socket, ms = 4000) => new Promise((resolve) => {
    socket.onopen = () => resolve('open');
    socket.onmessage = () => resolve('message');
    socket.onerror = () => resolve('error');
    setTimeout(() => resolve('nothing'), ms);
  });
`;

/**
 * Runs `attempts` (name → source of an async function's body, with `at` in scope) in a frame or page; answers name → what
 * was seen: the value, or the name of what was thrown.
 */
export async function tryAll(frame, attempts, at) {
  const bodies = Object.entries(attempts).map(
    ([name, body]) => `[${JSON.stringify(name)}]: await seen(async () => { ${body} }),`,
  );
  const source = `(async (at) => { ${settle} return { ${bodies.join('\n')} }; })(${JSON.stringify(at)})`;
  return frame.evaluate(source);
}

/** Reading other origins: windows, storage, cookies. */
export const READING = {
  'the document of the window above': 'return top.document.title',
  'the body of the window above': 'return top.document.body.innerHTML.length',
  'the address of the window above': 'return top.location.href',
  'the storage of the window above': 'return top.localStorage.length',
  'a global of the window above': 'return top.fetch.name',
  'running code in the window above': "return top.eval('1')",
  'the element it is shown in': 'return String(window.frameElement)',
  'becoming the same domain': "document.domain = 'localhost'; return top.document.title",
  'our cookie': "return /vitrine/.test(document.cookie)",
  'a name that others left': "return window.name === ''",
  'where it was linked from': "return document.referrer === ''",
  'a token in its address': "return location.href.includes('vitrine_token')",
  'a token in its history':
    "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].some((entry) => entry.name.includes('vitrine_token')) || (window.navigation?.entries() ?? []).some((entry) => (entry.url ?? '').includes('vitrine_token'))",
};

/** The API with the visitor's browser. */
export const CALLING = {
  'who is signed in': "return (await fetch(`${at.builder}/v1/me`, { credentials: 'include' })).status",
  'the apps, blindly': "return (await fetch(`${at.builder}/v1/apps`, { credentials: 'include', mode: 'no-cors' })).status",
  'a change with JSON':
    "return (await fetch(`${at.builder}/v1/apps/${at.app}/changes`, { method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' }, body: at.change })).status",
  'a change as a form would send it':
    "return (await fetch(`${at.builder}/v1/apps/${at.app}/changes`, { method: 'POST', credentials: 'include', mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body: at.change })).type",
  'a change by beacon': "navigator.sendBeacon(`${at.builder}/v1/apps/${at.app}/changes`, at.change); return 'sent'",
  'deleting an app': "return (await fetch(`${at.builder}/v1/apps/${at.app}`, { method: 'DELETE', credentials: 'include' })).status",
  'a key of its own making':
    "return (await fetch(`${at.builder}/v1/me`, { headers: { authorization: 'Bearer vt_guess' } })).status",
  'a socket': "return opens(new WebSocket(`${at.builder.replace('http', 'ws')}/v1/apps/${at.app}/session/logs`))",
  'an event stream':
    "return opens(new EventSource(`${at.builder}/v1/apps/${at.app}/session/logs`, { withCredentials: true }))",
  'an answer as a script': "return loads(Object.assign(document.createElement('script'), { src: `${at.builder}/v1/apps` }))",
  'the page as a picture': "return loads(Object.assign(document.createElement('img'), { src: `${at.builder}/favicon.svg` }))",
  'a module of the builder': "return Object.keys(await import(`${at.builder}/v1/me`)).length",
};

/** Other apps, other sessions, and what all of them share. */
export const NEIGHBOURS = {
  'another preview': "return (await fetch(at.preview, { credentials: 'include' })).status",
  'another preview, blindly':
    "const answer = await fetch(at.preview, { credentials: 'include', mode: 'no-cors' }); return `${answer.type} ${(await answer.text()).length}`",
  'a socket of another preview': "return opens(new WebSocket(at.preview.replace('http', 'ws'), 'vite-hmr'))",
  'a cookie of another preview': "return document.cookie.includes('victim')",
  'another published app': "return (await fetch(at.site, { credentials: 'include' })).status",
  'the storage of another app': "return localStorage.getItem('victim')",
  'a worker of another origin': 'await navigator.serviceWorker.register(`${at.builder}/sw.js`)',
  'a worker for another origin': "await navigator.serviceWorker.register('/sw.js', { scope: `${at.builder}/` })",
  'a cookie for the builder': "document.cookie = `vitrine_builder_${at.port}=tossed; domain=localhost; path=/`; return document.cookie.includes('tossed')",
  'a cookie in our name for its neighbours':
    "document.cookie = '__Host-vitrine_preview=tossed; domain=preview.localhost; path=/; secure'; document.cookie = '__Host-vitrine_preview=tossed; path=/; secure'; return document.cookie.includes('tossed')",
};

/** Getting out of the frame, and asking the visitor for things. */
export const FRAME = {
  'leaving with the window above': "top.location.href = 'https://example.com/'",
  'replacing the window above': "top.location.replace('https://example.com/')",
  'opening itself on top': "return String(window.open('https://example.com/', '_top'))",
  'a link to the top':
    "const link = Object.assign(document.createElement('a'), { href: 'https://example.com/', target: '_top' }); document.body.append(link); link.click(); return 'clicked'",
  'a form to the top':
    "const form = Object.assign(document.createElement('form'), { action: `${at.builder}/v1/sign-out`, method: 'post', target: '_top' }); document.body.append(form); form.submit(); return 'sent'",
  'dialogs without end':
    "const begun = performance.now(); for (let i = 0; i < 200; i++) { alert('pay'); confirm('pay'); prompt('pay'); } return performance.now() - begun < 2000 ? 'ignored' : 'shown'",
  'staying for ever': "addEventListener('beforeunload', (event) => { event.preventDefault(); event.returnValue = 'stay'; }); return 'set'",
  'the whole screen': 'await document.documentElement.requestFullscreen()',
  'where the visitor is':
    'return new Promise((resolve) => navigator.geolocation.getCurrentPosition(() => resolve("told"), (error) => resolve(`refused ${error.code}`)))',
  'the camera': "return (await navigator.permissions.query({ name: 'camera' })).state",
  'the clipboard': 'return await navigator.clipboard.readText()',
  notifications: 'return await Notification.requestPermission()',
  'forged messages':
    "for (const type of ['vitrine:ready', 'vitrine:navigate', 'save', 'sign-out']) for (const data of [{ type, url: 'https://example.com/' }, JSON.stringify({ type }), [type]]) top.postMessage(data, '*'); return 'sent'",
  'a history without end': "for (let i = 0; i < 60; i++) history.pushState({}, '', `/?trap=${i}`); return 'pushed'",
};
