import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";

import OpenAI from "openai";

import { connect, connectToAbort, hello, newMark, reached } from "./gateway.mjs";

const client = connectToAbort();

test("aborting a whole answer ends the model server's work", async () => {
  const mark = newMark();
  const controller = new AbortController();
  const answer = client.chat.completions.create(
    { user: mark, model: "silent", messages: hello },
    { signal: controller.signal },
  );
  const thrown = assert.rejects(answer, OpenAI.APIUserAbortError);
  await reached(mark, "answering");
  controller.abort();
  await thrown;
  await reached(mark, "hung_up");
});

test("the client's timeout is a timeout error and ends the model server's work", async () => {
  const mark = newMark();
  await assert.rejects(
    client.chat.completions.create({ user: mark, model: "silent", messages: hello }, { timeout: 1_000 }),
    OpenAI.APIConnectionTimeoutError,
  );
  await reached(mark, "hung_up");
});

test("a gateway that is not there is a connection error", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  const nobody = connect({ baseURL: `http://127.0.0.1:${port}/v1` });
  await assert.rejects(nobody.models.list(), (error) => {
    assert.ok(error instanceof OpenAI.APIConnectionError, String(error));
    assert.ok(!(error instanceof OpenAI.APIConnectionTimeoutError));
    return true;
  });
});
