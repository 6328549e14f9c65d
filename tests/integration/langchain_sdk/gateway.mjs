// What every test of this folder begins with. test_langchain.py starts the gateway and the
// simulator and says in the environment where they are.
import assert from "node:assert/strict";

import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";

function setting(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set; start these tests with pytest test_langchain.py`);
  return value;
}

const where = () => ({
  apiKey: setting("SDK_TEST_KEY"),
  maxRetries: 0,
  timeout: 20_000,
  configuration: { baseURL: setting("SDK_TEST_URL") },
});

/** The models of the gateway, one over each protocol. */
export const protocols = ["openai", "anthropic", "gemini"];

/** LangChain's chat model as a user makes it. */
export const chat = (model, options = {}) => new ChatOpenAI({ model, ...where(), ...options });

export const embeddings = (options = {}) => new OpenAIEmbeddings({ model: "embedder", ...where(), ...options });
