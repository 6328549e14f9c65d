#include <array>

#include "api/schemas.h"

namespace headgate::api {
namespace {

// Of images, sound, moderation and ranking. They go through to the model server as they came, so
// the schemas name what most callers use and allow the rest.
// clang-format off: a JSON text is easier to read on long lines
constexpr auto kSchemas = std::to_array<Schema>({
    {"ImageRequest", R"({
      "type": "object", "required": ["model", "prompt"],
      "properties": {
        "model": {"type": "string"},
        "prompt": {"type": "string", "minLength": 1},
        "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 10, "default": 1},
        "size": {"type": ["string", "null"], "examples": ["1024x1024"]},
        "quality": {"type": ["string", "null"]},
        "output_format": {"type": ["string", "null"], "enum": ["png", "jpeg", "webp", null]},
        "response_format": {"type": ["string", "null"], "enum": ["url", "b64_json", null]},
        "stream": {"type": ["boolean", "null"], "default": false},
        "partial_images": {"type": ["integer", "null"], "minimum": 0, "maximum": 3},
        "user": {"type": "string"}},
      "additionalProperties": true})"},
    {"ImageList", R"({
      "type": "object", "required": ["created", "data"],
      "properties": {
        "created": {"type": "integer"},
        "data": {"type": "array", "items": {
          "type": "object",
          "properties": {
            "b64_json": {"type": "string"}, "url": {"type": "string", "format": "uri"},
            "revised_prompt": {"type": "string"}}}},
        "output_format": {"type": "string"}, "quality": {"type": "string"}, "size": {"type": "string"},
        "usage": {"$ref": "#/components/schemas/MediaUsage"}},
      "additionalProperties": true})",
     Media::JsonOrEvents},
    {"MediaUsage", R"({
      "type": "object",
      "properties": {
        "input_tokens": {"type": "integer"}, "output_tokens": {"type": "integer"},
        "total_tokens": {"type": "integer"}, "seconds": {"type": "number"}},
      "additionalProperties": true})"},
    {"AudioRequest", R"({
      "type": "object", "required": ["model", "input"],
      "properties": {
        "model": {"type": "string"},
        "input": {"type": "string", "minLength": 1},
        "voice": {"oneOf": [{"type": "string"}, {"type": "object"}]},
        "response_format": {"type": ["string", "null"], "enum": ["mp3", "opus", "aac", "flac", "wav", "pcm", null], "default": "mp3"},
        "speed": {"type": ["number", "null"], "minimum": 0.25, "maximum": 4},
        "instructions": {"type": ["string", "null"]},
        "stream_format": {"type": ["string", "null"], "enum": ["audio", "sse", null], "default": "audio"}},
      "additionalProperties": true})"},
    {"SpokenText", R"({"type": "string", "format": "binary"})", Media::SoundOrEvents},
    {"TranscriptionForm", R"({
      "type": "object", "required": ["file", "model"],
      "properties": {
        "file": {"type": "string", "format": "binary", "description": "With a file name; its ending tells the format"},
        "model": {"type": "string"},
        "language": {"type": "string"}, "prompt": {"type": "string"},
        "response_format": {"type": "string", "enum": ["json", "text", "srt", "verbose_json", "vtt", "diarized_json"], "default": "json"},
        "temperature": {"type": "number"},
        "stream": {"type": "boolean", "default": false}},
      "additionalProperties": true})",
     Media::Multipart},
    {"Transcription", R"({
      "type": "object", "required": ["text"],
      "properties": {
        "text": {"type": "string"}, "language": {"type": "string"}, "duration": {"type": "number"},
        "segments": {"type": "array", "items": {"type": "object"}},
        "words": {"type": "array", "items": {"type": "object"}},
        "usage": {"$ref": "#/components/schemas/MediaUsage"}},
      "additionalProperties": true})",
     Media::TextOrEvents},
    {"ModerationRequest", R"({
      "type": "object", "required": ["input"],
      "properties": {
        "model": {"type": "string", "default": "omni-moderation-latest"},
        "input": {"oneOf": [{"type": "string", "minLength": 1}, {"type": "array", "minItems": 1}]}},
      "additionalProperties": true})"},
    {"Moderation", R"({
      "type": "object", "required": ["id", "model", "results"],
      "properties": {
        "id": {"type": "string"}, "model": {"type": "string"},
        "results": {"type": "array", "items": {
          "type": "object", "required": ["flagged"],
          "properties": {
            "flagged": {"type": "boolean"},
            "categories": {"type": "object", "additionalProperties": {"type": ["boolean", "null"]}},
            "category_scores": {"type": "object", "additionalProperties": {"type": "number"}}},
          "additionalProperties": true}}},
      "additionalProperties": true})"},
    {"RerankRequest", R"({
      "type": "object", "required": ["model", "query", "documents"],
      "properties": {
        "model": {"type": "string"},
        "query": {"oneOf": [{"type": "string", "minLength": 1}, {"type": "object"}]},
        "documents": {"type": "array", "minItems": 1, "items": {"oneOf": [{"type": "string"}, {"type": "object"}]}},
        "top_n": {"type": ["integer", "null"], "minimum": 1},
        "return_documents": {"type": ["boolean", "null"]}},
      "additionalProperties": true})"},
    {"Ranking", R"({
      "type": "object", "required": ["results"],
      "properties": {
        "id": {"type": "string"}, "model": {"type": "string"},
        "results": {"type": "array", "items": {
          "type": "object", "required": ["index", "relevance_score"],
          "properties": {
            "index": {"type": "integer"}, "relevance_score": {"type": "number"},
            "document": {}},
          "additionalProperties": true}},
        "usage": {"type": "object"}},
      "additionalProperties": true})"},
});
// clang-format on

}  // namespace

std::span<const Schema> media_schemas() { return kSchemas; }

}  // namespace headgate::api
