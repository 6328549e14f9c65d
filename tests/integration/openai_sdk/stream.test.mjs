import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

import { connect, connectToAbort, hello, newMark, reached } from "./gateway.mjs";

const client = connect();
const abortingClient = connectToAbort();

async function chunksOf(request) {
  const chunks = [];
  for await (const chunk of await client.chat.completions.create({ messages: hello, stream: true, ...request })) {
    chunks.push(chunk);
  }
  return chunks;
}

test("deltas come in order and end with a finish reason", async () => {
  const whole = await client.chat.completions.create({ model: "talker", messages: hello });
  const chunks = await chunksOf({ model: "talker" });
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), whole.choices[0].message.content);
  assert.deepEqual(
    chunks.map((chunk) => chunk.choices[0].finish_reason).filter((reason) => reason !== null),
    ["stop"],
  );
  assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  assert.ok(chunks.every((chunk) => chunk.object === "chat.completion.chunk"));
});

test("usage is not sent to a caller who did not ask for it", async () => {
  const chunks = await chunksOf({ model: "talker" });
  assert.ok(chunks.every((chunk) => chunk.choices.length === 1));
  assert.ok(chunks.every((chunk) => !chunk.usage));
});

test("usage is the last chunk when it is asked for", async () => {
  const chunks = await chunksOf({ model: "talker", stream_options: { include_usage: true } });
  const last = chunks.at(-1);
  assert.deepEqual(last.choices, []);
  assert.deepEqual(last.usage, { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 });
  assert.ok(chunks.slice(0, -1).every((chunk) => !chunk.usage));
});

test("the client's own collector makes a whole answer of a stream", async () => {
  const deltas = [];
  const runner = client.chat.completions.stream({ model: "talker", messages: hello });
  runner.on("content", (delta) => deltas.push(delta));
  const answer = await runner.finalChatCompletion();
  assert.ok(deltas.length > 1);
  assert.equal(deltas.join(""), answer.choices[0].message.content);
});

test("a stream has its request id", async () => {
  const { data, request_id } = await client.chat.completions
    .create({ model: "talker", messages: hello, stream: true }, { headers: { "x-request-id": "stream-18" } })
    .withResponse();
  assert.equal(request_id, "stream-18");
  for await (const _ of data) {
    // read to its end
  }
});

test("leaving the loop early ends the model server's work", async () => {
  const mark = newMark();
  const stream = await abortingClient.chat.completions.create({ user: mark, model: "endless", messages: hello, stream: true });
  let seen = 0;
  for await (const chunk of stream) {
    seen += chunk.choices.length;
    if (seen === 3) {
      break;
    }
  }
  assert.equal(seen, 3);
  await reached(mark, "hung_up");
});

test("aborting a stream ends the loop and the model server's work", async () => {
  const mark = newMark();
  const stream = await abortingClient.chat.completions.create({ user: mark, model: "endless", messages: hello, stream: true });
  let seen = 0;
  for await (const _ of stream) {
    if (++seen === 2) {
      stream.controller.abort();
    }
  }
  assert.ok(seen >= 2);
  await reached(mark, "hung_up");
});

test("an error inside a stream is thrown, after what came before it", async () => {
  for (const model of ["error-event", "cut"]) {
    let text = "";
    await assert.rejects(
      async () => {
        for await (const chunk of await client.chat.completions.create({ model, messages: hello, stream: true })) {
          text += chunk.choices[0].delta.content ?? "";
        }
      },
      (error) => {
        assert.ok(error instanceof OpenAI.APIError, `${model}: ${error}`);
        assert.equal(error.type, "upstream_error", model);
        assert.ok(error.error.request_id, model);
        return true;
      },
    );
    assert.ok(text.length > 0, `${model}: the deltas before the error`);
  }
});

test("a stream that fails before its first event is an answer with a status", async () => {
  await assert.rejects(client.chat.completions.create({ model: "failing", messages: hello, stream: true }), (error) => {
    assert.ok(error instanceof OpenAI.InternalServerError, String(error));
    assert.equal(error.status, 502);
    return true;
  });
});
