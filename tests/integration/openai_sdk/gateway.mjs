// What every test of this folder begins with. test_openai_sdk.py starts the gateway and the
// simulator and says in the environment where they are.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

import OpenAI from "openai";
import { fetch as currentFetch } from "undici";

function setting(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set; start these tests with pytest test_openai_sdk.py`);
  return value;
}

export const keys = {
  all: setting("SDK_TEST_KEY"),
  modelsOnly: setting("SDK_TEST_MODELS_ONLY_KEY"),
  oneRequest: setting("SDK_TEST_ONE_REQUEST_KEY"),
  slow: setting("SDK_TEST_SLOW_KEY"),
};

/** The official client as a user makes it: an address and a key. Without retries, so that a test sees each answer. */
export function connect(options = {}) {
  return new OpenAI({
    baseURL: setting("SDK_TEST_BASE_URL"),
    apiKey: keys.all,
    maxRetries: 0,
    timeout: 20_000,
    ...options,
  });
}

/**
 * The same for tests that abort. In Debian 12 the fetch of Node 18 (undici 5.15) forgets the signal of a request
 * when the garbage collector runs, so these bring a newer undici, as the client's manual says: by the option fetch.
 */
export const connectToAbort = () => connect({ fetch: currentFetch });

export const hello = [{ role: "user", content: "Hello" }];

let marks = 0;
/** A text that is in one request only: find it again with `reached`. */
export const newMark = () => `mark-${process.pid}-${++marks}`;

/** What the simulator's log has on the request whose body begins with `mark`, once it has ended as `outcome`. */
export async function reached(mark, outcome) {
  const log = new URL("/sim/log", setting("SDK_TEST_SIMULATOR_URL"));
  for (let tries = 0; ; ++tries) {
    const { requests } = await (await fetch(log)).json();
    const mine = requests.filter((request) => JSON.stringify(request).includes(mark));
    if (mine.length > 0 && mine.every((request) => request.outcome === outcome)) {
      return mine;
    }
    assert.ok(tries < 500, `not seen as ${outcome}: ${JSON.stringify(mine)}`);
    await pause(20);
  }
}
