import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, hello, newMark, reached } from "./gateway.mjs";

const client = connect();

test("a chat completion comes back whole, with its usage", async () => {
  const answer = await client.chat.completions.create({ model: "talker", messages: hello });
  assert.equal(answer.object, "chat.completion");
  assert.equal(answer.choices.length, 1);
  assert.equal(answer.choices[0].message.role, "assistant");
  assert.ok(answer.choices[0].message.content.length > 0);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.deepEqual(answer.usage, { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 });
});

test("withResponse gives the request's id and the gateway's headers", async () => {
  const { data, response, request_id } = await client.chat.completions
    .create({ model: "talker", messages: hello })
    .withResponse();
  assert.match(request_id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(data._request_id, request_id);
  assert.equal(response.headers.get("x-headgate-model"), "talker");
  assert.equal(response.headers.get("x-headgate-provider"), "simulator");
  assert.ok(response.headers.get("server-timing"));
});

test("a request id of the caller's own comes back", async () => {
  const { request_id } = await client.chat.completions
    .create({ model: "talker", messages: hello }, { headers: { "x-request-id": "mine-17" } })
    .withResponse();
  assert.equal(request_id, "mine-17");
});

test("the model server gets its own model name and key, never the caller's", async () => {
  const mark = newMark();
  await client.chat.completions.create({ user: mark, model: "org/talker", messages: hello });
  const [request] = await reached(mark, "answered");
  assert.equal(request.model, "sim:tokens=5");
  assert.ok(JSON.stringify(request).includes("Bearer simulator-secret"));
  assert.ok(!JSON.stringify(request).includes(client.apiKey));
});

test("tools, response formats and unknown fields arrive as they were sent", async () => {
  const sent = {
    model: "echo",
    messages: [
      { role: "user", content: [{ type: "text", text: "Wie ist das Wetter in Köln? ☂" }] },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Köln"}' } }],
      },
      { role: "tool", tool_call_id: "call_1", content: "rain" },
    ],
    tools: [
      {
        type: "function",
        function: {
          name: "weather",
          description: "The weather in a city",
          strict: true,
          parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
        },
      },
    ],
    tool_choice: { type: "function", function: { name: "weather" } },
    parallel_tool_calls: false,
    response_format: { type: "json_schema", json_schema: { name: "answer", schema: { type: "object" } } },
    temperature: 0.1,
    seed: 7,
    a_field_of_the_future: { nested: [1, 2.5, null, true] },
  };
  const answer = await client.chat.completions.create(sent);
  assert.deepEqual(JSON.parse(answer.choices[0].message.content), { ...sent, model: "sim:echo" });
});

test("tool calls in an answer reach the caller, whole and streamed", async () => {
  const call = { name: "weather", arguments: '{"city":"Köln"}' };
  const request = { model: "tool-caller", messages: hello };
  const whole = await client.chat.completions.create(request);
  assert.equal(whole.choices[0].finish_reason, "tool_calls");
  assert.deepEqual(whole.choices[0].message.tool_calls[0].function, call);

  const streamed = await client.chat.completions.stream(request).finalChatCompletion();
  assert.equal(streamed.choices[0].finish_reason, "tool_calls");
  assert.deepEqual(
    { name: streamed.choices[0].message.tool_calls[0].function.name, arguments: streamed.choices[0].message.tool_calls[0].function.arguments },
    call,
  );
});

test("a text completion comes back whole and streamed", async () => {
  const whole = await client.completions.create({ model: "talker", prompt: "Once upon" });
  assert.equal(whole.object, "text_completion");
  assert.ok(whole.choices[0].text.length > 0);
  assert.equal(whole.usage.completion_tokens, 5);

  let text = "";
  let finish = null;
  for await (const part of await client.completions.create({ model: "talker", prompt: "Once upon", stream: true })) {
    text += part.choices[0].text;
    finish = part.choices[0].finish_reason ?? finish;
  }
  assert.equal(text, whole.choices[0].text);
  assert.equal(finish, "stop");
});
