// Keeps the pages of a language that was visited. The network comes first, so that a reader with a connection
// always sees the release in force; a release that was replaced is forgotten whole.
const list = () => fetch("offline.json", { cache: "no-cache" }).then(r => r.json());
const PREFIX = "caudal-";

async function keep(language) {
  const { release, shared, pages } = await list();
  const cache = await caches.open(PREFIX + release);
  for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== PREFIX + release) await caches.delete(name);
  for (const path of [...shared, ...(pages[language] ?? [])])
    if (!(await cache.match(path))) await cache.add(path).catch(() => {}); // one page less, the others stay
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));
self.addEventListener("message", event => event.waitUntil(keep(event.data.language)));
self.addEventListener("fetch", event => {
  if (event.request.method !== "GET" || new URL(event.request.url).origin !== location.origin) return;
  event.respondWith(fetch(event.request).catch(async () => (await caches.match(event.request, { ignoreSearch: true })) ?? Response.error()));
});
