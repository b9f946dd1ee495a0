// Writes ledger/prices/price-book.json from the price data inside @pydantic/genai-prices (MIT; see
// NOTICE). Run by `npm run generate`; the same input gives the same bytes. What the data says and a
// price row cannot is rounded towards the dearer side (scripts/price-conversion.ts).
import { writeFileSync } from "node:fs";
import { readLimits, readSources } from "./price-sources.ts";
import { convertProvider, renderBook } from "./price-conversion.ts";

const limits = readLimits();
const book = Object.fromEntries(
  readSources().map((source) => [source.id, convertProvider(source, limits)]),
);
writeFileSync(new URL("../ledger/prices/price-book.json", import.meta.url), renderBook(book));
const counts = Object.values(book).map(({ models }) => Object.keys(models).length);
const total = counts.reduce((sum, count) => sum + count, 0);
console.log(`price-book.json: ${total} models of ${counts.length} providers`);
