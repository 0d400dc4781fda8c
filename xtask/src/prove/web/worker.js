// A service worker that asks the safe in the place of its page.

addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (url.pathname !== '/through') return;
  const [mode, method, to] = ['mode', 'method', 'to'].map((name) => url.searchParams.get(name));
  event.respondWith(fetch(to, { mode, method, credentials: 'include' }));
});
