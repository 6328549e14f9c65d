// The schemas of the routes that every vendor's models answer: Anthropic's messages and OpenAI's
// responses. They name what most callers use and allow the rest.
#include <array>

#include "api/schemas.h"

namespace headgate::api {
namespace {

// clang-format off: a JSON text is easier to read on long lines
constexpr auto kSchemas = std::to_array<Schema>({
    {"MessagesRequest", R"({
      "type": "object", "required": ["model", "max_tokens", "messages"],
      "properties": {
        "model": {"type": "string"},
        "max_tokens": {"type": "integer", "minimum": 0},
        "messages": {"type": "array", "items": {"$ref": "#/components/schemas/AnthropicTurn"}},
        "system": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
        "stream": {"type": "boolean"},
        "stop_sequences": {"type": "array", "items": {"type": "string"}},
        "temperature": {"type": "number"}, "top_p": {"type": "number"}, "top_k": {"type": "integer"},
        "tools": {"type": "array", "items": {"type": "object"}},
        "tool_choice": {"type": "object"},
        "thinking": {"type": "object"},
        "output_config": {"type": "object"},
        "metadata": {"type": "object"}},
      "additionalProperties": true})"},
    {"AnthropicTurn", R"({
      "type": "object", "required": ["role", "content"],
      "properties": {
        "role": {"type": "string", "enum": ["user", "assistant", "system"]},
        "content": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]}},
      "additionalProperties": true})"},
    {"AnthropicMessage", R"({
      "type": "object", "required": ["id", "type", "role", "model", "content", "stop_reason", "usage"],
      "properties": {
        "id": {"type": "string"},
        "type": {"type": "string", "const": "message"},
        "role": {"type": "string", "const": "assistant"},
        "model": {"type": "string"},
        "content": {"type": "array", "items": {"type": "object", "required": ["type"]}},
        "stop_reason": {"type": ["string", "null"]},
        "stop_sequence": {"type": ["string", "null"]},
        "usage": {"type": "object", "properties": {
          "input_tokens": {"type": "integer", "description": "Without those from and into the vendor's cache"},
          "cache_creation_input_tokens": {"type": ["integer", "null"]},
          "cache_read_input_tokens": {"type": ["integer", "null"]},
          "output_tokens": {"type": "integer"}}}},
      "additionalProperties": true})",
     Media::JsonOrEvents},
    {"CountRequest", R"({
      "type": "object", "required": ["model", "messages"],
      "properties": {
        "model": {"type": "string"},
        "messages": {"type": "array", "items": {"$ref": "#/components/schemas/AnthropicTurn"}}},
      "additionalProperties": true})"},
    {"TokenCount", R"({
      "type": "object", "required": ["input_tokens"],
      "properties": {"input_tokens": {"type": "integer", "description": "Estimated if x-headgate-estimated says so"}}})"},
    {"AnthropicError", R"({
      "type": "object", "required": ["type", "error", "request_id"],
      "properties": {
        "type": {"type": "string", "const": "error"},
        "error": {"type": "object", "required": ["type", "message"], "properties": {
          "type": {"type": "string"}, "message": {"type": "string"}}},
        "request_id": {"type": "string"}}})"},

    {"ResponsesRequest", R"({
      "type": "object", "required": ["model", "input"],
      "properties": {
        "model": {"type": "string"},
        "input": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
        "instructions": {"type": ["string", "null"]},
        "max_output_tokens": {"type": ["integer", "null"]},
        "stream": {"type": ["boolean", "null"]},
        "background": {"type": ["boolean", "null"], "description": "Answer at once; GET /v1/responses/{id} shows how it stands"},
        "previous_response_id": {"type": ["string", "null"], "description": "Of a response made in the background by the same principal"},
        "temperature": {"type": ["number", "null"]}, "top_p": {"type": ["number", "null"]},
        "text": {"type": ["object", "null"]},
        "reasoning": {"type": ["object", "null"]},
        "tools": {"type": "array", "items": {"type": "object"}},
        "tool_choice": {}},
      "additionalProperties": true})"},
    {"Response", R"({"$ref": "#/components/schemas/StoredResponse"})", Media::JsonOrEvents},
    {"StoredResponse", R"({
      "type": "object", "required": ["id", "object", "created_at", "status", "error", "model", "output"],
      "properties": {
        "id": {"type": "string"},
        "object": {"type": "string", "const": "response"},
        "created_at": {"type": "integer"},
        "status": {"type": "string", "enum": ["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]},
        "error": {"type": ["object", "null"]},
        "incomplete_details": {"type": ["object", "null"]},
        "model": {"type": "string"},
        "output": {"type": "array", "items": {"type": "object", "required": ["type"]}},
        "usage": {"type": ["object", "null"]}},
      "additionalProperties": true})"},
});
// clang-format on

}  // namespace

std::span<const Schema> routing_schemas() { return kSchemas; }

}  // namespace headgate::api
