import assert from "node:assert/strict";
import { test } from "node:test";

import { generateText, streamText } from "ai";

import { apis, each, openai } from "./gateway.mjs";

const ask = (model, more = {}) => ({ model, system: "Be short.", prompt: "Where is it?", maxRetries: 0, ...more });

each((name, model) => {
  test(`${name}: a text comes back with its usage`, async () => {
    const { text, finishReason, usage } = await generateText(ask(model));
    assert.ok(text.length > 0);
    assert.equal(finishReason, "stop");
    assert.equal(usage.outputTokens, 5);
    assert.ok(usage.inputTokens > 0);
  });

  test(`${name}: the parts of a stream make the same text`, async () => {
    const whole = await generateText(ask(model));
    const stream = streamText(ask(model));
    let text = "";
    let parts = 0;
    for await (const part of stream.textStream) {
      text += part;
      ++parts;
    }
    assert.ok(parts > 1);
    assert.equal(text, whole.text);
    assert.equal(await stream.finishReason, "stop");
    assert.equal((await stream.usage).outputTokens, 5);
  });
});

for (const [api, make] of Object.entries(apis)) {
  test(`${api}: a conversation goes on with what was said`, async () => {
    const first = await generateText(ask(make("echo"), { prompt: "one" }));
    const messages = [{ role: "user", content: "one" }, ...first.response.messages, { role: "user", content: "two" }];
    const second = await generateText({ model: make("echo"), messages, maxRetries: 0 });
    assert.ok(second.text.includes("one") && second.text.includes("two"), second.text);
  });

  test(`${api}: an error inside a stream is told, after what came before it`, async () => {
    const errors = [];
    const stream = streamText(ask(make("broken"), { onError: ({ error }) => errors.push(error) }));
    let text = "";
    for await (const part of stream.fullStream) {
      text += part.type === "text-delta" ? part.text : "";
    }
    assert.ok(text.length > 0);
    assert.equal(errors.length, 1);
  });

  test(`${api}: a refusal is an error with the status of the gateway`, async () => {
    await assert.rejects(generateText(ask(make("nobody"))), (error) => error.statusCode === 404 && !error.isRetryable);
    await assert.rejects(generateText(ask(make("failing"))), (error) => error.statusCode === 502 && error.isRetryable);
  });
}

test("a stream is left in the middle, and the next one is answered", async () => {
  const abort = new AbortController();
  let parts = 0;
  for await (const part of streamText(ask(openai("endless"), { abortSignal: abort.signal })).fullStream) {
    parts += part.type === "text-delta" ? 1 : 0;
    if (parts === 3) {
      abort.abort();
    }
    if (part.type === "abort") {
      break;
    }
  }
  assert.ok(parts >= 3);
  assert.ok((await generateText(ask(openai("openai")))).text.length > 0);
});
