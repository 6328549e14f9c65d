import assert from "node:assert/strict";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

import { ask, connect, look, protocols } from "./gateway.mjs";

const client = connect();

for (const model of protocols) {
  test(`${model}: events come in order`, async () => {
    const types = [];
    for await (const event of await client.messages.create(ask(model, { stream: true }))) {
      types.push(event.type);
    }
    assert.equal(types[0], "message_start");
    assert.equal(types[1], "content_block_start");
    assert.ok(types.filter((type) => type === "content_block_delta").length > 1);
    assert.deepEqual(types.slice(-3), ["content_block_stop", "message_delta", "message_stop"]);
  });

  test(`${model}: the client's own collector makes the whole message of a stream`, async () => {
    const whole = await client.messages.create(ask(model));
    const stream = client.messages.stream(ask(model));
    const deltas = [];
    stream.on("text", (delta) => deltas.push(delta));
    const message = await stream.finalMessage();
    assert.equal(deltas.join(""), message.content[0].text);
    assert.equal(message.content[0].text, whole.content[0].text);
    assert.equal(message.stop_reason, "end_turn");
    assert.equal(message.usage.output_tokens, 5);
  });

  test(`${model}: a streamed call of a tool has its whole input`, async () => {
    const message = await client.messages.stream(ask(model, { tools: [look], tool_choice: { type: "any" } })).finalMessage();
    assert.equal(message.stop_reason, "tool_use");
    assert.equal(message.content.at(-1).name, "look");
    assert.equal(typeof message.content.at(-1).input.city, "string");
  });

  test(`${model}: an error inside a stream is thrown, after what came before it`, async () => {
    let seen = 0;
    await assert.rejects(async () => {
      for await (const event of await client.messages.create(ask(`${model}-broken`, { stream: true }))) {
        seen += event.type === "content_block_delta" ? 1 : 0;
      }
    }, Anthropic.APIError);
    assert.ok(seen > 0);
  });
}
