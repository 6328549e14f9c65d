// What every test of this folder begins with. test_vercel_sdk.py starts the gateway and the
// simulator and says in the environment where they are.
import assert from "node:assert/strict";

import { createOpenAI } from "@ai-sdk/openai";

function setting(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set; start these tests with pytest test_vercel_sdk.py`);
  return value;
}

/** The models of the gateway, one over each protocol. */
export const protocols = ["openai", "anthropic", "gemini"];

/** The provider as a user makes it. Called as a function it speaks the Responses API. */
export const openai = createOpenAI({ baseURL: setting("SDK_TEST_URL"), apiKey: setting("SDK_TEST_KEY") });

/** The two APIs that the provider speaks. */
export const apis = { responses: (model) => openai(model), chat: (model) => openai.chat(model) };

/** For every model over every API. */
export function each(run) {
  for (const model of protocols) {
    for (const [api, make] of Object.entries(apis)) {
      run(`${model}, ${api}`, make(model));
    }
  }
}
