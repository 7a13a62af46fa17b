// Crawls a shop with a library of Node.js: listings, and the items that they name, one after another.
//
//     node crawl.mjs LIBRARY URL ITEMS
//
// LIBRARY: fetch (Node's own) or got-scraping.

const PAUSE_MS = 150;
const [library, base, items] = process.argv.slice(2);

async function fetcher() {
  if (library === "fetch") return async (url) => (await fetch(url)).text();
  const { gotScraping } = await import("got-scraping");
  return async (url) => (await gotScraping({ url, throwHttpErrors: false, retry: { limit: 0 } })).body;
}

const pause = () => new Promise((done) => setTimeout(done, PAUSE_MS));
const found = (text, pattern) => [...new Set([...text.matchAll(pattern)].map((match) => match[1]))];

const get = await fetcher();
let left = Number(items);
const listings = found(await get(`${base}/`), /href="(\/category\/[a-z-]+)"/g);
for (const listing of listings) {
  await pause();
  for (const item of found(await get(base + listing), /href="(\/product\/\d+)"/g)) {
    if (left-- <= 0) process.exit(0);
    await pause();
    await get(base + item);
  }
}
// Nothing was found to follow: it knows how items are numbered.
for (let number = 1; number <= left; number++) {
  await pause();
  await get(`${base}/product/${number}`);
}
