import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "node:test";

import OpenAI from "openai";

import { connect } from "./gateway.mjs";

const client = connect();
const ask = (more = {}) => ({ model: "talker", input: "Hello", ...more });
const look = {
  type: "function",
  name: "look",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
  strict: true,
};

async function ended(id) {
  for (let tries = 0; ; ++tries) {
    const response = await client.responses.retrieve(id);
    if (!["queued", "in_progress"].includes(response.status)) {
      return response;
    }
    assert.ok(tries < 500, response.status);
    await pause(20);
  }
}

test("a response comes back whole, with its text and usage", async () => {
  const response = await client.responses.create(ask());
  assert.equal(response.object, "response");
  assert.equal(response.status, "completed");
  assert.ok(response.output_text.length > 0);
  assert.equal(response.usage.output_tokens, 5);
});

test("a stream's deltas make the same text", async () => {
  const whole = await client.responses.create(ask());
  const stream = client.responses.stream(ask());
  let text = "";
  stream.on("response.output_text.delta", (event) => {
    text += event.delta;
  });
  const response = await stream.finalResponse();
  assert.equal(text, whole.output_text);
  assert.equal(response.status, "completed");
});

test("a function is called and its result taken", async () => {
  const first = await client.responses.create(ask({ model: "calling", tools: [look], tool_choice: "required" }));
  const call = first.output.find((item) => item.type === "function_call");
  assert.equal(call.name, "look");
  assert.equal(typeof JSON.parse(call.arguments).city, "string");
  const second = await client.responses.create(
    ask({
      model: "calling",
      tools: [look],
      input: [
        { role: "user", content: "Hello" },
        ...first.output,
        { type: "function_call_output", call_id: call.call_id, output: "12C" },
      ],
    }),
  );
  assert.ok(second.output_text.length > 0);
});

test("a background response is polled to its end, and followed", async () => {
  const queued = await client.responses.create(ask({ background: true }));
  assert.equal(queued.background, true);
  const done = await ended(queued.id);
  assert.equal(done.status, "completed");
  assert.equal(done.id, queued.id);
  assert.ok(done.output_text.length > 0);
  const next = await client.responses.create(ask({ model: "echo", input: "And?", previous_response_id: done.id }));
  assert.ok(next.output_text.includes("Hello") && next.output_text.includes("And?"));
});

test("a background response is cancelled", async () => {
  const queued = await client.responses.create(ask({ model: "silent", background: true }));
  assert.equal((await client.responses.cancel(queued.id)).status, "cancelled");
  assert.equal((await client.responses.retrieve(queued.id)).status, "cancelled");
});

test("what is not stored is not found", async () => {
  const { id } = await client.responses.create(ask());
  await assert.rejects(client.responses.retrieve(id), OpenAI.NotFoundError);
  await assert.rejects(client.responses.create(ask({ previous_response_id: id })), OpenAI.BadRequestError);
});

test("a stream that breaks off says so in its events, and is never complete", async () => {
  const types = [];
  for await (const event of await client.responses.create(ask({ model: "cut", stream: true }))) {
    types.push(event.type);
  }
  assert.ok(types.includes("response.output_text.delta"));
  assert.deepEqual(types.slice(-2), ["error", "response.failed"]);
});
