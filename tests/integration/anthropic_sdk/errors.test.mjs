import assert from "node:assert/strict";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

import { ask, connect } from "./gateway.mjs";

const client = connect();

async function refusal(call, Class, status, type) {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof Class, `${error?.constructor?.name}: ${error}`);
    assert.equal(error.status, status);
    assert.equal(error.error.type, "error");
    assert.equal(error.error.error.type, type);
    assert.ok(error.requestID);
    assert.equal(error.requestID, error.error.request_id);
    return true;
  });
}

test("every refusal is the class that the client has for it", async () => {
  await refusal(client.messages.create(ask("nobody")), Anthropic.NotFoundError, 404, "not_found_error");
  await refusal(client.messages.create(ask("openai", { messages: "x" })), Anthropic.BadRequestError, 400, "invalid_request_error");
  await refusal(connect({ apiKey: "wrong" }).messages.create(ask("openai")), Anthropic.AuthenticationError, 401, "authentication_error");
  await refusal(client.messages.create(ask("failing")), Anthropic.InternalServerError, 502, "api_error");
  await refusal(client.messages.create(ask("failing", { stream: true })), Anthropic.InternalServerError, 502, "api_error");
});

test("models are listed over pages and found by name", async () => {
  const ids = [];
  for await (const model of client.models.list({ limit: 2 })) {
    assert.equal(model.type, "model");
    ids.push(model.id);
  }
  assert.ok(["openai", "anthropic", "gemini", "failing"].every((name) => ids.includes(name)), ids.join());
  assert.equal(new Set(ids).size, ids.length);
  assert.equal((await client.models.retrieve("gemini")).id, "gemini");
  await refusal(client.models.retrieve("nobody"), Anthropic.NotFoundError, 404, "not_found_error");
});
