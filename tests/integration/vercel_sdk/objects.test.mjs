import assert from "node:assert/strict";
import { test } from "node:test";

import { generateObject, generateText, Output, streamObject } from "ai";
import { z } from "zod";

import { each } from "./gateway.mjs";

const schema = z.object({ city: z.string(), people: z.number() });
const ask = (model) => ({ model, prompt: "Where is it?", maxRetries: 0 });

function check(place) {
  assert.equal(typeof place.city, "string");
  assert.equal(typeof place.people, "number");
}

each((name, model) => {
  test(`${name}: an object of the schema is generated`, async () => {
    check((await generateObject({ ...ask(model), schema })).object);
  });

  test(`${name}: and comes in a stream`, async () => {
    const { partialObjectStream, object } = streamObject({ ...ask(model), schema });
    let partial;
    for await (const next of partialObjectStream) {
      partial = next;
    }
    check(await object);
    assert.deepEqual(partial, await object);
  });

  test(`${name}: and as the output of a text`, async () => {
    check((await generateText({ ...ask(model), output: Output.object({ schema }) })).output);
  });
});
