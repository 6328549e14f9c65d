import assert from "node:assert/strict";
import { test } from "node:test";

import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { tool } from "@langchain/core/tools";
import { z } from "zod";

import { chat, protocols } from "./gateway.mjs";

const look = tool(({ city }) => `12C in ${city}`, {
  name: "look",
  description: "Look at the weather.",
  schema: z.object({ city: z.string() }),
});
const conversation = [new SystemMessage("Be short."), new HumanMessage("Where is it?")];

for (const model of protocols) {
  test(`${model}: invoke gives a message with its usage`, async () => {
    const message = await chat(model).invoke(conversation);
    assert.ok(message instanceof AIMessage);
    assert.ok(message.content.length > 0);
    assert.equal(message.usage_metadata.output_tokens, 5);
    assert.equal(message.response_metadata.finish_reason, "stop");
  });

  test(`${model}: the chunks of a stream make the same message`, async () => {
    const whole = await chat(model).invoke(conversation);
    let joined;
    let chunks = 0;
    for await (const chunk of await chat(model).stream(conversation)) {
      joined = joined === undefined ? chunk : joined.concat(chunk);
      ++chunks;
    }
    assert.ok(chunks > 2);
    assert.equal(joined.content, whole.content);
    assert.equal(joined.usage_metadata.output_tokens, 5);
  });

  test(`${model}: a chain of prompt, model and parser runs`, async () => {
    const chain = ChatPromptTemplate.fromTemplate("Where is {what}?").pipe(chat(model)).pipe(new StringOutputParser());
    assert.ok((await chain.invoke({ what: "it" })).length > 0);
  });

  test(`${model}: tools are called and their results taken`, async () => {
    const first = await chat(model).bindTools([look], { tool_choice: "any" }).invoke(conversation);
    assert.equal(first.tool_calls.length, 1);
    const [call] = first.tool_calls;
    assert.equal(call.name, "look");
    assert.equal(typeof call.args.city, "string");
    const result = await look.invoke(call);
    assert.ok(result instanceof ToolMessage);
    const second = await chat(model).bindTools([look]).invoke([...conversation, first, result]);
    assert.ok(second.content.length > 0);
    assert.equal(second.tool_calls.length, 0);
  });

  test(`${model}: a streamed call of a tool has its whole arguments`, async () => {
    let joined;
    for await (const chunk of await chat(model).bindTools([look], { tool_choice: "any" }).stream(conversation)) {
      joined = joined === undefined ? chunk : joined.concat(chunk);
    }
    assert.equal(joined.tool_calls[0].name, "look");
    assert.equal(typeof joined.tool_calls[0].args.city, "string");
  });

  for (const method of ["jsonSchema", "functionCalling"]) {
    test(`${model}: an answer has the structure that was asked for, by ${method}`, async () => {
      const place = z.object({ city: z.string(), people: z.number() });
      const found = await chat(model).withStructuredOutput(place, { name: "place", method }).invoke("Where is it?");
      assert.equal(typeof found.city, "string");
      assert.equal(typeof found.people, "number");
    });
  }
}

test("several questions at once are answered in their order", async () => {
  const answers = await chat("echo").batch(["one", "two", "three"]);
  assert.deepEqual(answers.map(({ content }) => ["one", "two", "three"].find((word) => content.includes(word))), [
    "one",
    "two",
    "three",
  ]);
});

test("over the Responses API the same comes back", async () => {
  const message = await chat("openai", { useResponsesApi: true }).invoke(conversation);
  assert.ok(message.text.length > 0);
  let text = "";
  for await (const chunk of await chat("openai", { useResponsesApi: true }).stream(conversation)) {
    text += chunk.text;
  }
  assert.equal(text, message.text);
});

test("a refusal is an error with the status of the gateway", async () => {
  await assert.rejects(chat("nobody").invoke("hi"), (error) => error.status === 404 && error.code === "model_not_found");
  await assert.rejects(chat("failing").invoke("hi"), (error) => error.status === 502);
});
