import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI, { toFile } from "openai";

import { connect } from "./gateway.mjs";

const client = connect();

test("images come back as base64, with their usage", async () => {
  const { data, response } = await client.images.generate({ model: "painter", prompt: "a cat", n: 2 }).withResponse();
  assert.equal(data.data.length, 2);
  assert.ok(Buffer.from(data.data[0].b64_json, "base64").length >= 300);
  assert.ok(data.usage.total_tokens > 0);
  assert.equal(response.headers.get("x-headgate-model"), "painter");
});

test("an image is streamed with its partial images", async () => {
  const types = [];
  for await (const event of await client.images.generate({ model: "painter", prompt: "a", stream: true, partial_images: 2 })) {
    types.push(event.type);
  }
  assert.deepEqual(types, [
    "image_generation.partial_image", "image_generation.partial_image", "image_generation.completed",
  ]);
});

test("a field at fault is named in the client's error", async () => {
  await assert.rejects(client.images.generate({ model: "painter", prompt: "a", n: 11 }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, "n");
    return true;
  });
});

test("speech is a sound file", async () => {
  const speech = await client.audio.speech.create({ model: "speaker", input: "Hello", voice: "alloy" });
  assert.equal(speech.headers.get("content-type"), "audio/mpeg");
  assert.equal((await speech.arrayBuffer()).byteLength, 5000);
});

test("speech that breaks off is an error and no short file", async () => {
  const cut = async () => {
    const speech = await client.audio.speech.create({ model: "cut-speaker", input: "Hello", voice: "alloy" });
    await speech.arrayBuffer();
  };
  await assert.rejects(cut());
});

test("a sound file is transcribed, whole, as text and streamed", async () => {
  const file = () => toFile(Buffer.from("RIFF\r\n--not-a-boundary"), "a.wav");
  const whole = await client.audio.transcriptions.create({ model: "scribe", file: await file() });
  assert.ok(whole.text.length > 0);
  const text = await client.audio.transcriptions.create({ model: "scribe", file: await file(), response_format: "vtt" });
  assert.ok(text.startsWith("WEBVTT"));
  let streamed = "";
  const events = await client.audio.transcriptions.create({ model: "scribe", file: await file(), stream: true });
  for await (const event of events) {
    if (event.type === "transcript.text.delta") {
      streamed += event.delta;
    } else {
      assert.equal(event.text, streamed);
    }
  }
  assert.ok(streamed.length > 0);
});

test("texts are moderated, by the usual model if none is named", async () => {
  for (const model of ["judge", undefined]) {
    const answer = await client.moderations.create({ model, input: ["kind words", "I kill time"] });
    assert.deepEqual(answer.results.map((result) => result.flagged), [false, true]);
  }
});

test("embeddings of another protocol come as numbers, as base64 and in several", async () => {
  const request = { model: "gemini-embedder", input: ["one", "two"], dimensions: 4 };
  const decoded = await client.embeddings.create(request);
  const numbers = await client.embeddings.create({ ...request, encoding_format: "float" });
  assert.deepEqual(decoded.data.map((item) => item.embedding.length), [4, 4]);
  decoded.data.forEach(({ embedding }, i) => {
    embedding.forEach((value, at) => assert.equal(value, Math.fround(numbers.data[i].embedding[at])));
  });
});
