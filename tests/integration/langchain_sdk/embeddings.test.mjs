import assert from "node:assert/strict";
import { test } from "node:test";

import { embeddings } from "./gateway.mjs";

test("a query has one vector", async () => {
  const vector = await embeddings().embedQuery("where?");
  assert.equal(vector.length, 8);
  assert.ok(vector.every(Number.isFinite));
});

// The simulator's vectors depend on the place of a text in its request.
test("documents have one each, in their order", async () => {
  const together = await embeddings().embedDocuments(["one", "two", "three"]);
  assert.equal(new Set(together.map(String)).size, 3);
  const apart = await embeddings({ batchSize: 2 }).embedDocuments(["one", "two", "three"]);
  assert.deepEqual(apart, [together[0], together[1], together[0]]);
});
