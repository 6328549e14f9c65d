import assert from "node:assert/strict";
import { test } from "node:test";

import { ask, connect, look, protocols } from "./gateway.mjs";

const client = connect();

for (const model of protocols) {
  test(`${model}: a message comes back whole, with its usage`, async () => {
    const { data, request_id } = await client.messages.create(ask(model)).withResponse();
    assert.equal(data.type, "message");
    assert.equal(data.role, "assistant");
    assert.equal(data.stop_reason, "end_turn");
    assert.equal(data.content.length, 1);
    assert.ok(data.content[0].text.length > 0);
    assert.equal(data.usage.output_tokens, 5);
    assert.ok(request_id);
    assert.equal(data._request_id, request_id);
  });

  test(`${model}: tools are called and their results are taken`, async () => {
    const first = await client.messages.create(ask(model, { tools: [look], tool_choice: { type: "any" } }));
    assert.equal(first.stop_reason, "tool_use");
    const call = first.content.at(-1);
    assert.equal(call.type, "tool_use");
    assert.equal(call.name, "look");
    assert.equal(typeof call.input.city, "string");
    const second = await client.messages.create(
      ask(model, {
        tools: [look],
        messages: [
          { role: "user", content: "Where is it?" },
          { role: "assistant", content: first.content },
          { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "12C" }] },
        ],
      }),
    );
    assert.equal(second.stop_reason, "end_turn");
    assert.ok(second.content[0].text.length > 0);
  });

  test(`${model}: tokens are counted`, async () => {
    const { model: name, messages } = ask(model);
    const { input_tokens } = await client.messages.countTokens({ model: name, messages });
    assert.ok(Number.isInteger(input_tokens) && input_tokens > 0, String(input_tokens));
  });
}
