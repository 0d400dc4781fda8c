// What script can send, from a window, a sandboxed frame or a worker. Every try becomes one
// line of the result: what was tried, how it ended, and what of an answer could be read.

const WRONG = '000000';
const PATHS = ['/v1/secret', '/v1/status', '/v1/close'];
const results = [];

function note(what, outcome, status, text) {
  results.push({ what, outcome, status: status || 0, text: (text || '').slice(0, 200) });
}

function within(promise, milliseconds) {
  return Promise.race([
    promise,
    new Promise((_, reject) => setTimeout(() => reject(new Error('no end')), milliseconds)),
  ]);
}

async function tryFetch(what, url, init) {
  try {
    const answer = await within(fetch(url, { credentials: 'include', cache: 'no-store', ...init }), 8000);
    const text = await within(answer.text(), 8000);
    note(what, answer.type.startsWith('opaque') ? 'opaque' : 'read', answer.status, text);
  } catch (error) {
    note(what, 'error', 0, String(error));
  }
}

function bodies() {
  const form = new FormData();
  form.append('token', WRONG);
  const sent = ['token=000000', new URLSearchParams({ token: WRONG }), form, new Blob(['x'])];
  sent.push(new Blob(['{}'], { type: 'application/json' }), new Uint8Array(3));
  return sent;
}

async function fetches(where, bases, tokens) {
  const tries = [];
  for (const base of bases) {
    for (const path of PATHS) {
      for (const mode of ['cors', 'no-cors', 'same-origin']) {
        for (const method of ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
          for (const token of [null, ...tokens]) {
            const headers = token ? { 'Passsafe-Token': token } : {};
            const what = `${where} fetch ${mode} ${method} ${base}${path} ${token ? 'token' : ''}`;
            tries.push(() => tryFetch(what, base + path, { mode, method, headers }));
          }
        }
        for (const body of bodies()) {
          const init = { mode, method: 'POST', body };
          tries.push(() => tryFetch(`${where} fetch ${mode} body ${base}${path}`, base + path, init));
        }
        tries.push(() => tryFetch(`${where} fetch keepalive`, base + path, { mode, method: 'POST', keepalive: true }));
        tries.push(() => tryFetch(`${where} fetch manual`, base + path, { mode, redirect: 'manual', referrerPolicy: 'no-referrer' }));
        for (const targetAddressSpace of ['local', 'loopback']) {
          tries.push(() => tryFetch(`${where} fetch ${targetAddressSpace}`, base + path, { mode, targetAddressSpace }));
        }
      }
    }
  }
  let next = 0;
  const worker = async () => {
    while (next < tries.length) await tries[next++]();
  };
  await Promise.all(Array.from({ length: 12 }, worker));
}
