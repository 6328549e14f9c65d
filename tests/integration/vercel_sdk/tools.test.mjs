import assert from "node:assert/strict";
import { test } from "node:test";

import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { each } from "./gateway.mjs";

const look = tool({
  description: "Look at the weather.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `12C in ${city}`,
});
/** The first step must call the tool, the second answers with its result. */
const ask = (model) => ({
  model,
  tools: { look },
  prompt: "How is the weather?",
  maxRetries: 0,
  stopWhen: stepCountIs(2),
  prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "auto" }),
});

function check(steps) {
  assert.equal(steps.length, 2);
  assert.equal(steps[0].finishReason, "tool-calls");
  assert.equal(steps[0].toolCalls[0].toolName, "look");
  assert.equal(typeof steps[0].toolCalls[0].input.city, "string");
  assert.match(steps[0].toolResults[0].output, /^12C in /);
  assert.ok(steps[1].text.length > 0);
}

each((name, model) => {
  test(`${name}: a tool is called and the answer made of its result`, async () => {
    check((await generateText(ask(model))).steps);
  });

  test(`${name}: the same in a stream`, async () => {
    const stream = streamText(ask(model));
    await stream.consumeStream();
    check(await stream.steps);
  });
});
