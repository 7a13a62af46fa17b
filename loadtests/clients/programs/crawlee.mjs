// Crawlee's CheerioCrawler, as its documentation begins: follows every link to a listing or an item.
//
//     node crawlee.mjs URL ITEMS

import { CheerioCrawler, Configuration } from "crawlee";

const [base, items] = process.argv.slice(2);
const configuration = new Configuration({ persistStorage: false, purgeOnStart: false });
const crawler = new CheerioCrawler(
  {
    maxRequestsPerCrawl: Number(items) + 10,
    maxConcurrency: 4,
    maxRequestRetries: 1,
    async requestHandler({ enqueueLinks }) {
      await enqueueLinks({ globs: [`${base}/category/*`, `${base}/product/*`] });
    },
  },
  configuration,
);
await crawler.run([`${base}/`]);
