// What every test of this folder begins with. test_anthropic_sdk.py starts the gateway and the
// simulator and says in the environment where they are.
import assert from "node:assert/strict";

import Anthropic from "@anthropic-ai/sdk";

function setting(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set; start these tests with pytest test_anthropic_sdk.py`);
  return value;
}

/** The models of the gateway, one over each protocol. */
export const protocols = ["openai", "anthropic", "gemini"];

/** The official client as a user makes it: an address and a key. Without retries, so that a test sees each answer. */
export function connect(options = {}) {
  return new Anthropic({
    baseURL: setting("SDK_TEST_URL"),
    apiKey: setting("SDK_TEST_KEY"),
    maxRetries: 0,
    timeout: 20_000,
    ...options,
  });
}

export const ask = (model, more = {}) => ({
  model,
  max_tokens: 100,
  messages: [{ role: "user", content: "Where is it?" }],
  ...more,
});

export const look = {
  name: "look",
  description: "Look around.",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
