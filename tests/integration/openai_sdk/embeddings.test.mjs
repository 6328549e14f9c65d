import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, newMark, reached } from "./gateway.mjs";

const client = connect();

test("embeddings asked for as numbers are numbers", async () => {
  const answer = await client.embeddings.create({ model: "embedder", input: ["one", "two"], encoding_format: "float" });
  assert.equal(answer.object, "list");
  assert.deepEqual(answer.data.map((item) => item.index), [0, 1]);
  for (const { embedding } of answer.data) {
    assert.equal(embedding.length, 8);
    assert.ok(embedding.every((value) => Number.isFinite(value)));
  }
  assert.ok(answer.usage.total_tokens > 0);
});

test("the base64 that the client asks for by itself is decoded to the same numbers", async () => {
  const mark = newMark();
  const numbers = await client.embeddings.create({ model: "embedder", input: "one", encoding_format: "float" });
  const decoded = await client.embeddings.create({ user: mark, model: "embedder", input: "one" });
  const [request] = await reached(mark, "answered");
  assert.ok(JSON.stringify(request).includes("base64"), "the client asks for base64");
  assert.equal(decoded.data[0].embedding.length, 8);
  decoded.data[0].embedding.forEach((value, i) => {
    assert.equal(value, Math.fround(numbers.data[0].embedding[i]));
  });
});

test("base64 asked for by name stays text", async () => {
  const answer = await client.embeddings.create({ model: "embedder", input: "one", encoding_format: "base64" });
  assert.equal(Buffer.from(answer.data[0].embedding, "base64").length, 8 * 4);
});

test("the number of dimensions is the caller's choice", async () => {
  const answer = await client.embeddings.create({ model: "embedder", input: "one", dimensions: 3 });
  assert.equal(answer.data[0].embedding.length, 3);
});
