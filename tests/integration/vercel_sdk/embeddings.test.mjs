import assert from "node:assert/strict";
import { test } from "node:test";

import { cosineSimilarity, embed, embedMany } from "ai";

import { openai } from "./gateway.mjs";

const model = openai.embedding("embedder");

test("a value has one embedding, with its usage", async () => {
  const { embedding, usage } = await embed({ model, value: "where?", maxRetries: 0 });
  assert.equal(embedding.length, 8);
  assert.ok(usage.tokens > 0);
  assert.ok(cosineSimilarity(embedding, embedding) > 0.99);
});

test("many values have one each, in their order", async () => {
  const { embedding } = await embed({ model, value: "one", maxRetries: 0 });
  const { embeddings } = await embedMany({ model, values: ["one", "two", "three"], maxRetries: 0 });
  assert.deepEqual(embeddings[0], embedding);
  assert.equal(new Set(embeddings.map(String)).size, 3); // by their place, as the simulator makes them
});
