// A full browser that a program drives from item to item, as fast as pages load.
//
//     node browse.mjs LIBRARY CHROMIUM URL ITEMS
//
// LIBRARY: playwright, puppeteer or puppeteer-stealth.

const [library, chromium, base, items] = process.argv.slice(2);
const ARGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"];

async function opened() {
  if (library === "playwright") {
    const { chromium: driver } = await import("playwright-core");
    return driver.launch({ executablePath: chromium, args: ARGS });
  }
  const core = (await import("puppeteer-core")).default;
  let driver = core;
  if (library === "puppeteer-stealth") {
    driver = (await import("puppeteer-extra")).addExtra(core);
    driver.use((await import("puppeteer-extra-plugin-stealth")).default());
  }
  return driver.launch({ executablePath: chromium, args: ARGS });
}

const browser = await opened();
const page = await browser.newPage();
await page.goto(`${base}/category/kitchen`);
const links = await page.$$eval('a[href^="/product/"]', (all) => all.map((one) => one.getAttribute("href")));
const targets = [...new Set(links)];
for (let number = 1; targets.length < Number(items); number++) targets.push(`/product/${number}`);
for (const target of targets.slice(0, Number(items))) {
  await page.goto(base + target, { timeout: 15000 }).catch(() => undefined);
  await new Promise((done) => setTimeout(done, 300));
}
await browser.close();
