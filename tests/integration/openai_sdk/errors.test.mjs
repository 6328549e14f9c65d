import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

import { connect, hello, keys } from "./gateway.mjs";

const client = connect();
const ask = (from, request = {}) => from.chat.completions.create({ model: "talker", messages: hello, ...request });

/** What `call` is rejected with: an APIError of `Class` whose fields all say the same. */
async function refusal(call, Class, expected) {
  let caught;
  await assert.rejects(call, (error) => {
    caught = error;
    return true;
  });
  assert.ok(caught instanceof Class, `${caught?.constructor?.name}: ${caught}`);
  assert.ok(caught.message.length > 4);
  assert.deepEqual(
    { status: caught.status, type: caught.type, code: caught.code, param: caught.param },
    { param: null, ...expected },
  );
  assert.equal(caught.requestID, caught.headers.get("x-request-id"));
  assert.equal(caught.requestID, caught.error.request_id);
  return caught;
}

test("401 is an AuthenticationError and does not repeat the key", async () => {
  const wrong = connect({ apiKey: "hg_not-a-key-of-this-gateway" });
  const error = await refusal(ask(wrong), OpenAI.AuthenticationError, {
    status: 401,
    type: "authentication_error",
    code: "invalid_api_key",
  });
  assert.ok(error.headers.get("www-authenticate"));
  assert.ok(!JSON.stringify(error.error).includes("not-a-key-of-this-gateway"));
});

test("403 is a PermissionDeniedError that names the missing scope", async () => {
  const error = await refusal(ask(connect({ apiKey: keys.modelsOnly })), OpenAI.PermissionDeniedError, {
    status: 403,
    type: "permission_error",
    code: "permission_denied",
  });
  assert.match(error.message, /inference:text/);
});

test("404 is a NotFoundError with the near names", async () => {
  const error = await refusal(ask(client, { model: "talkr" }), OpenAI.NotFoundError, {
    status: 404,
    type: "not_found_error",
    code: "model_not_found",
    param: "model",
  });
  assert.ok(error.error.details.near_names.includes("talker"));
});

test("404 also for a route that is not there", async () => {
  await assert.rejects(client.post("/no-such-route", { body: {} }), OpenAI.NotFoundError);
});

test("400 is a BadRequestError that names the field", async () => {
  await refusal(ask(client, { model: 7 }), OpenAI.BadRequestError, {
    status: 400,
    type: "invalid_request_error",
    code: "invalid_type",
    param: "model",
  });
  await refusal(ask(client, { messages: undefined }), OpenAI.BadRequestError, {
    status: 400,
    type: "invalid_request_error",
    code: "missing_required_parameter",
    param: "messages",
  });
});

test("429 of the caller's own tier is a RateLimitError that says when to come again", async () => {
  const limited = connect({ apiKey: keys.oneRequest });
  await ask(limited);
  const error = await refusal(ask(limited), OpenAI.RateLimitError, {
    status: 429,
    type: "rate_limit_error",
    code: "rate_limit_exceeded",
  });
  const seconds = Number(error.headers.get("retry-after"));
  const milliseconds = Number(error.headers.get("retry-after-ms"));
  assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 120, String(seconds));
  assert.ok(milliseconds > 0 && milliseconds <= seconds * 1000, String(milliseconds));
});

test("the client waits as long as it is told and then succeeds", async () => {
  const statuses = [];
  const patient = connect({
    apiKey: keys.slow,
    maxRetries: 2,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      statuses.push(response.status);
      return response;
    },
  });
  await ask(patient);
  const answer = await ask(patient);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.deepEqual(statuses, [200, 429, 200]);
});

test("429 of the model server is a RateLimitError with its Retry-After", async () => {
  const error = await refusal(ask(client, { model: "limited" }), OpenAI.RateLimitError, {
    status: 429,
    type: "rate_limit_error",
    code: "upstream_rate_limited",
  });
  assert.equal(error.headers.get("retry-after"), "7");
});

test("a model server that fails is an InternalServerError with the attempts", async () => {
  const error = await refusal(ask(client, { model: "failing" }), OpenAI.InternalServerError, {
    status: 502,
    type: "upstream_error",
    code: "upstream_error",
  });
  assert.equal(error.error.details.attempts[0].provider, "simulator");
});

test("a model server that resets the connection is an InternalServerError", async () => {
  await refusal(ask(client, { model: "resetting" }), OpenAI.InternalServerError, {
    status: 502,
    type: "upstream_error",
    code: "upstream_reset",
  });
});
