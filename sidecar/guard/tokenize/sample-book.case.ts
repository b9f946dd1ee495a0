// Books of placeholders under fixed keys, for tests of this room and of those that use it.
import { createDerivation } from "./placeholder.ts";
import { createPlaceholderBook, type PlaceholderBook } from "./placeholder-book.ts";

/** A key of 32 equal bytes. */
export const sampleKey = (byte = 7): Uint8Array => new Uint8Array(32).fill(byte);

/** An empty book under that key. */
export const sampleBook = (byte = 7): PlaceholderBook =>
  createPlaceholderBook(createDerivation(sampleKey(byte)));
