import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

import { connect, keys } from "./gateway.mjs";

const client = connect();

test("the list has each configured model once", async () => {
  const ids = [];
  for await (const model of client.models.list()) {
    assert.equal(model.object, "model");
    assert.equal(typeof model.created, "number");
    assert.equal(typeof model.owned_by, "string");
    ids.push(model.id);
  }
  assert.ok(["talker", "echo", "embedder", "silent"].every((name) => ids.includes(name)), ids.join());
  assert.equal(new Set(ids).size, ids.length);
});

test("a model is found by its name and by an alias with a slash", async () => {
  assert.equal((await client.models.retrieve("talker")).id, "talker");
  assert.equal((await client.models.retrieve("org/talker")).id, "talker");
});

test("a key for models only may list them", async () => {
  const page = await connect({ apiKey: keys.modelsOnly }).models.list();
  assert.ok(page.data.length > 0);
});

test("an unknown model is not found", async () => {
  await assert.rejects(client.models.retrieve("nobody"), OpenAI.NotFoundError);
});
