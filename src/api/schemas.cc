#include "api/schemas.h"

#include <algorithm>
#include <array>
#include <vector>

namespace headgate::api {
namespace {

// Bodies of OpenAI's API go through to the model server as they came, so their schemas name what
// most callers use and allow the rest.
// clang-format off: a JSON text is easier to read on long lines
constexpr auto kSchemas = std::to_array<Schema>({
    {"Live", R"({
      "type": "object", "required": ["status"],
      "properties": {"status": {"type": "string", "const": "live"}}})"},
    {"Ready", R"({
      "type": "object", "required": ["status"],
      "properties": {
        "status": {"type": "string", "enum": ["ready", "starting", "draining"]},
        "details": {"type": "object"}}})"},
    {"Health", R"({
      "type": "object", "required": ["status", "timestamp", "version", "gateway", "checks", "endpoints"],
      "properties": {
        "status": {"type": "string", "enum": ["healthy", "degraded", "unhealthy"]},
        "timestamp": {"type": "string", "format": "date-time"},
        "version": {"type": "string"},
        "gateway": {"type": "string", "enum": ["healthy", "overloaded", "draining"]},
        "checks": {"type": "object", "additionalProperties": {"type": "string"}},
        "endpoints": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/EndpointHealth"}}}})"},
    {"EndpointHealth", R"({
      "type": "object", "required": ["status"],
      "properties": {
        "status": {"type": "string", "enum": ["healthy", "idle", "unhealthy", "unreachable"]},
        "workers": {"type": ["object", "null"], "additionalProperties": {"type": "integer"}},
        "error": {"type": ["string", "null"]},
        "breakers": {
          "type": "object", "description": "Of its targets: whether they are called now",
          "additionalProperties": {"type": "string", "enum": ["closed", "open", "half_open"]}}}})"},

    {"TokenForm", R"({
      "type": "object",
      "properties": {
        "grant_type": {"type": "string", "enum": ["password", "refresh_token"], "default": "password"},
        "username": {"type": "string"},
        "password": {"type": "string", "format": "password"},
        "refresh_token": {"type": "string"},
        "scope": {"type": "string", "description": "Scopes wanted, separated by spaces; all of the user's without it"}}})",
     Media::Form},
    {"TokenPair", R"({
      "type": "object", "required": ["access_token", "refresh_token", "token_type", "expires_in", "scope"],
      "properties": {
        "access_token": {"type": "string"},
        "refresh_token": {"type": "string", "description": "Good for one use"},
        "token_type": {"type": "string", "const": "bearer"},
        "expires_in": {"type": "integer", "description": "Seconds"},
        "scope": {"type": "string"}}})"},
    {"RefreshRequest", R"({
      "type": "object", "required": ["refresh_token"],
      "properties": {"refresh_token": {"type": "string"}}})"},
    {"RevokeRequest", R"({
      "type": "object",
      "properties": {"token": {"type": "string", "description": "Without it, the access token that asks is revoked"}}})",
     Media::JsonOrForm},
    {"Revoked", R"({
      "type": "object", "required": ["revoked"],
      "properties": {
        "id": {"type": "string"}, "object": {"type": "string"},
        "revoked": {"type": "boolean", "const": true}}})"},

    {"Job", R"({
      "type": "object", "required": ["id", "object", "kind", "model", "status"],
      "properties": {
        "id": {"type": "string", "format": "uuid"},
        "request_id": {"type": "string", "description": "x-request-id of the submission; under /api the same as id"},
        "object": {"type": "string", "const": "job"},
        "kind": {"type": "string"}, "model": {"type": "string"},
        "status": {"type": "string", "description": "queued, running, succeeded, failed, cancelled or expired; under /api queued, processing, completed, failed, timeout or cancelled"},
        "priority": {"type": "string", "enum": ["high", "normal", "low", "batch"]},
        "client_id": {"type": ["string", "null"]},
        "created_at": {"type": "string", "format": "date-time"},
        "started_at": {"type": ["string", "null"], "format": "date-time"},
        "completed_at": {"type": ["string", "null"], "format": "date-time"},
        "attempts": {"type": "array", "items": {"type": "object", "properties": {
          "n": {"type": "integer"}, "provider": {"type": "string"}, "target": {"type": "string"},
          "started_at": {"type": "string", "format": "date-time"},
          "ended_at": {"type": ["string", "null"], "format": "date-time"},
          "outcome": {"type": ["string", "null"]}, "error": {"type": ["string", "null"]}}}},
        "max_attempts": {"type": "integer"},
        "position": {"type": "integer", "description": "Place in the line, from 1, while queued"},
        "result": {"description": "What the same request answers a caller, once succeeded"},
        "error": {"type": ["object", "null"]},
        "usage": {"type": ["object", "null"]},
        "cost": {"type": "number", "description": "USD"},
        "trace_id": {"type": ["string", "null"]}}})"},
    {"JobList", R"({
      "type": "object", "required": ["object", "data", "has_more"],
      "properties": {
        "object": {"type": "string", "const": "list"},
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}},
        "has_more": {"type": "boolean"}, "last_id": {"type": ["string", "null"]}}})"},
    {"Redelivery", R"({
      "type": "object", "required": ["id", "deliveries"],
      "properties": {"id": {"type": "string"}, "deliveries": {"type": "integer"}}})"},
    {"QueuedRequest", R"({
      "type": "object", "required": ["request_id", "status"],
      "properties": {
        "request_id": {"type": "string", "format": "uuid"},
        "status": {"type": "string", "enum": ["queued", "processing", "completed"]},
        "message": {"type": "string"},
        "resolution": {"$ref": "#/components/schemas/Resolution"},
        "result": {"type": "object", "description": "With Prefer: wait=N, once completed; the status is 200 then"}}})",
     Media::Json, 202},
    {"AppOcrRequest", R"({
      "type": "object",
      "properties": {
        "messages": {"type": "array", "items": {"$ref": "#/components/schemas/ChatMessage"}, "description": "The documents are their image_url parts"},
        "image_urls": {"$ref": "#/components/schemas/ImageUrls"},
        "model": {"type": "string", "default": "document-ocr"},
        "output": {"type": "string", "enum": ["text", "markdown", "layout", "json"], "default": "text"},
        "resolution": {"$ref": "#/components/schemas/Resolution"},
        "webhook_url": {"type": "string", "format": "uri"}},
      "additionalProperties": true})"},
    {"ClassifyForm", R"({
      "type": "object", "required": ["file"],
      "properties": {
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        "industry": {"type": "string", "default": "finance"},
        "model": {"type": "string", "default": "document-classifier"}}})",
     Media::Multipart},
    {"ClassificationTask", R"({
      "type": "object", "required": ["task_id", "status"],
      "properties": {
        "task_id": {"type": "string", "format": "uuid"},
        "status": {"type": "string", "enum": ["processing", "completed"]},
        "estimated_time": {"type": ["string", "null"], "description": "Until the task's turn, as far as it is known"},
        "result": {"$ref": "#/components/schemas/Classification"}}})",
     Media::Json, 202},
    {"ClassificationResult", R"({
      "type": "object", "required": ["task_id", "status"], "description": "202 while processing, 500 when failed",
      "properties": {
        "task_id": {"type": "string", "format": "uuid"},
        "status": {"type": "string", "enum": ["processing", "completed", "failed"]},
        "progress": {"type": "string"},
        "result": {"$ref": "#/components/schemas/Classification"},
        "error": {"$ref": "#/components/schemas/ErrorObject"},
        "detail": {"type": "string"}}})"},
    {"TextGenerationRequest", R"({
      "type": "object", "required": ["model", "prompt"],
      "properties": {
        "model": {"type": "string"},
        "prompt": {"type": "string", "minLength": 1},
        "max_tokens": {"type": ["integer", "null"], "minimum": 1, "default": 512, "description": "null leaves it to the model, as with the others"},
        "temperature": {"type": ["number", "null"], "default": 0.7},
        "top_p": {"type": ["number", "null"], "default": 0.9},
        "top_k": {"type": ["integer", "null"]},
        "stop_sequences": {"type": ["array", "null"], "items": {"type": "string"}},
        "stream": {"type": "boolean", "default": false, "description": "Keep the text's pieces as events of the job"},
        "webhook_url": {"type": "string", "format": "uri"}},
      "additionalProperties": true})"},
    {"ImageGenerationRequest", R"({
      "type": "object", "required": ["model", "prompt"],
      "properties": {
        "model": {"type": "string"},
        "prompt": {"type": "string", "minLength": 1},
        "width": {"type": ["integer", "null"], "minimum": 1, "maximum": 16384, "default": 1024},
        "height": {"type": ["integer", "null"], "minimum": 1, "maximum": 16384, "default": 1024},
        "steps": {"type": ["integer", "null"], "description": "This and the next three go on to the model server, which may refuse them"},
        "guidance_scale": {"type": ["number", "null"]},
        "negative_prompt": {"type": ["string", "null"]},
        "seed": {"type": ["integer", "null"]},
        "webhook_url": {"type": "string", "format": "uri"}},
      "additionalProperties": true})"},
    {"SpeechRequest", R"({
      "type": "object", "required": ["model", "text"],
      "properties": {
        "model": {"type": "string"},
        "text": {"type": "string", "minLength": 1},
        "voice": {"type": "string"},
        "language": {"type": "string", "description": "Goes on to the model server, which may refuse it"},
        "webhook_url": {"type": "string", "format": "uri"}},
      "additionalProperties": true})"},
    {"Task", R"({
      "type": "object",
      "required": ["task_id", "status", "result", "processing_time", "worker_id", "created_at", "completed_at"],
      "properties": {
        "task_id": {"type": "string", "format": "uuid"},
        "status": {"type": "string", "enum": ["queued", "running", "completed", "failed", "cancelled"]},
        "result": {"type": ["object", "null"]},
        "error": {"anyOf": [{"$ref": "#/components/schemas/ErrorObject"}, {"type": "null"}]},
        "processing_time": {"type": ["number", "null"], "description": "Seconds"},
        "worker_id": {"type": ["string", "null"], "description": "The provider that was asked last"},
        "created_at": {"type": "string", "format": "date-time"},
        "completed_at": {"type": ["string", "null"], "format": "date-time"}}})"},
    {"NewTask", R"({"$ref": "#/components/schemas/Task"})", Media::Json, 202},
    {"Queue", R"({
      "type": "object", "required": ["model", "processing", "waiting", "max_concurrent", "max_waiting", "total_processed", "total_failed", "total_timeout", "utilization"],
      "properties": {
        "model": {"type": "string"}, "processing": {"type": "integer"}, "waiting": {"type": "integer"},
        "waiting_callers": {"type": "integer"}, "waiting_jobs": {"type": "integer"},
        "max_concurrent": {"type": "integer"}, "max_waiting": {"type": "integer"}, "max_backlog": {"type": "integer"},
        "total_processed": {"type": "integer"}, "total_failed": {"type": "integer"},
        "total_timeout": {"type": "integer"}, "total_cancelled": {"type": "integer"},
        "utilization": {"type": "number"}, "drain_rate": {"type": "number", "description": "Entries per second"},
        "rejected": {"type": "object"}, "classes": {"type": "object", "description":
          "By priority: running, waiting, oldest_seconds, and how long those that started had waited: count, mean_seconds and p95_seconds in waits.callers and waits.jobs"}}})"},

    {"Target", R"({
      "type": "object", "required": ["provider", "target", "state", "in_flight"],
      "properties": {
        "provider": {"type": "string"}, "target": {"type": "string", "description": "The provider's name of the model"},
        "state": {"type": "string", "enum": ["closed", "open", "half_open"]},
        "cause": {"type": ["string", "null"], "description": "Why the breaker is not closed"},
        "state_ms": {"type": ["integer", "null"]}, "probe_in_ms": {"type": ["integer", "null"]},
        "in_flight": {"type": "integer"}, "failures_in_row": {"type": "integer"},
        "latency_ms": {"type": ["integer", "null"]}, "first_token_ms": {"type": ["integer", "null"]}, "p95_ms": {"type": ["integer", "null"]},
        "total_calls": {"type": "integer"}, "total_succeeded": {"type": "integer"}, "total_failed": {"type": "integer"},
        "total_rate_limited": {"type": "integer"}, "total_opened": {"type": "integer"},
        "keys": {"type": "integer"}, "keys_resting": {"type": "integer"},
        "calls_last_minute": {"type": "integer"}, "calls_per_minute": {"type": "integer", "description": "Declared; 0: none"}}})"},
    {"TargetList", R"({
      "type": "object", "required": ["object", "data"],
      "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": {"$ref": "#/components/schemas/Target"}}}})"},
    {"Configuration", R"({
      "type": "object", "description": "Every option as in headgate.yaml; a secret is shown as ***",
      "additionalProperties": true})"},
    {"ConfigReload", R"({
      "type": "object", "required": ["changed", "needs_restart"],
      "properties": {
        "changed": {"type": "array", "items": {"type": "string"}, "description": "Options now in force with a new value"},
        "needs_restart": {"type": "array", "items": {"type": "string"}, "description": "Changed options that wait for a restart"}}})"},

    {"ChatRequest", R"({
      "type": "object", "required": ["model", "messages"],
      "properties": {
        "model": {"type": "string", "description": "A model of GET /v1/models, or one of its aliases"},
        "messages": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/ChatMessage"}},
        "stream": {"type": "boolean", "default": false},
        "stream_options": {"type": "object", "properties": {"include_usage": {"type": "boolean"}}},
        "max_completion_tokens": {"type": "integer", "minimum": 1},
        "max_tokens": {"type": "integer", "minimum": 1},
        "temperature": {"type": "number"},
        "top_p": {"type": "number"},
        "stop": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "tools": {"type": "array", "items": {"type": "object"}},
        "response_format": {"type": "object"}},
      "additionalProperties": true,
      "example": {"model": "gemma", "messages": [{"role": "user", "content": "Hello"}]}})"},
    {"ChatMessage", R"({
      "type": "object", "required": ["role"],
      "properties": {
        "role": {"type": "string", "enum": ["system", "developer", "user", "assistant", "tool"]},
        "content": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}, {"type": "null"}]}},
      "additionalProperties": true})"},
    {"ChatCompletion", R"({
      "type": "object", "required": ["id", "object", "choices"],
      "properties": {
        "id": {"type": "string"},
        "object": {"type": "string", "const": "chat.completion"},
        "created": {"type": "integer"},
        "model": {"type": "string"},
        "choices": {"type": "array", "items": {
          "type": "object",
          "properties": {
            "index": {"type": "integer"},
            "message": {"$ref": "#/components/schemas/ChatMessage"},
            "finish_reason": {"type": ["string", "null"]}},
          "additionalProperties": true}},
        "usage": {"$ref": "#/components/schemas/Usage"}},
      "additionalProperties": true})",
     Media::JsonOrEvents},
    {"Usage", R"({
      "type": "object",
      "properties": {
        "prompt_tokens": {"type": "integer"},
        "completion_tokens": {"type": "integer"},
        "total_tokens": {"type": "integer"}},
      "additionalProperties": true})"},
    {"CompletionRequest", R"({
      "type": "object", "required": ["model", "prompt"],
      "properties": {
        "model": {"type": "string"},
        "prompt": {"oneOf": [{"type": "string"}, {"type": "array"}]},
        "stream": {"type": "boolean", "default": false},
        "max_tokens": {"type": "integer", "minimum": 1},
        "temperature": {"type": "number"}},
      "additionalProperties": true})"},
    {"Completion", R"({
      "type": "object", "required": ["id", "object", "choices"],
      "properties": {
        "id": {"type": "string"},
        "object": {"type": "string", "const": "text_completion"},
        "created": {"type": "integer"},
        "model": {"type": "string"},
        "choices": {"type": "array", "items": {
          "type": "object",
          "properties": {
            "index": {"type": "integer"},
            "text": {"type": "string"},
            "finish_reason": {"type": ["string", "null"]}},
          "additionalProperties": true}},
        "usage": {"$ref": "#/components/schemas/Usage"}},
      "additionalProperties": true})",
     Media::JsonOrEvents},
    {"EmbeddingRequest", R"({
      "type": "object", "required": ["model", "input"],
      "properties": {
        "model": {"type": "string"},
        "input": {"oneOf": [{"type": "string"}, {"type": "array"}]},
        "encoding_format": {"type": "string", "enum": ["float", "base64"]},
        "dimensions": {"type": "integer", "minimum": 1}},
      "additionalProperties": true})"},
    {"EmbeddingList", R"({
      "type": "object", "required": ["object", "data"],
      "properties": {
        "object": {"type": "string", "const": "list"},
        "data": {"type": "array", "items": {
          "type": "object",
          "properties": {
            "object": {"type": "string", "const": "embedding"},
            "index": {"type": "integer"},
            "embedding": {"oneOf": [{"type": "array", "items": {"type": "number"}}, {"type": "string"}]}}}},
        "model": {"type": "string"},
        "usage": {"$ref": "#/components/schemas/Usage"}},
      "additionalProperties": true})"},
    {"ModelList", R"({
      "type": "object", "required": ["object", "data"],
      "properties": {
        "object": {"type": "string", "const": "list"},
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}}})"},
    {"Model", R"({
      "type": "object", "required": ["id", "object", "created", "owned_by"],
      "properties": {
        "id": {"type": "string"},
        "object": {"type": "string", "const": "model"},
        "created": {"type": "integer"},
        "owned_by": {"type": "string"},
        "kind": {"type": "string", "description": "chat, embedding, ocr, classify, extract, ..."},
        "context_length": {"type": "integer", "description": "Tokens of the largest window; absent if unknown"},
        "max_output_tokens": {"type": "integer"},
        "pricing": {
          "type": "object", "description": "USD for a million tokens at the first target",
          "properties": {"input": {"type": "number"}, "output": {"type": "number"}}},
        "abilities": {
          "type": "array", "description": "Of chat models: what some target can",
          "items": {"type": "string", "enum": ["images", "tools", "json_schema"]}}}})"},

    {"ImageUrls", R"({
      "type": "array", "minItems": 1, "maxItems": 32,
      "items": {"type": "string", "format": "uri"},
      "description": "https: or data: URLs of PDF, JPEG, PNG, WebP, BMP or TIFF files"})"},
    {"Resolution", R"({"type": "string", "enum": ["tiny", "small", "base", "large", "gundam"]})"},
    {"DocumentType", R"({
      "type": "string",
      "enum": ["W2", "1099-INT", "1099-DIV", "1099-MISC", "1099-NEC", "1099-R", "1098", "bank_statement",
               "credit_card_statement", "invoice", "receipt", "check", "other"]})"},
    {"DocumentForm", R"({
      "type": "object",
      "properties": {
        "file": {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}},
        "image_urls": {"type": "array", "items": {"type": "string", "format": "uri"}},
        "model": {"type": "string"},
        "doc_type": {"$ref": "#/components/schemas/DocumentType"},
        "output": {"type": "string", "enum": ["text", "markdown", "layout", "json"]},
        "resolution": {"$ref": "#/components/schemas/Resolution"},
        "include_raw": {"type": "boolean", "default": false}}})"},
    {"OcrRequest", R"({
      "type": "object",
      "properties": {
        "image_urls": {"$ref": "#/components/schemas/ImageUrls"},
        "document": {
          "type": "object", "description": "In place of image_urls: one document",
          "properties": {
            "type": {"type": "string", "enum": ["document_url", "image_url"]},
            "document_url": {"type": "string", "format": "uri"},
            "image_url": {"type": "string", "format": "uri"}}},
        "model": {"type": "string", "default": "document-ocr"},
        "output": {"type": "string", "enum": ["text", "markdown", "layout", "json"], "default": "text"},
        "resolution": {"$ref": "#/components/schemas/Resolution"}}})",
     Media::JsonOrMultipart},
    {"OcrResult", R"({
      "type": "object", "required": ["output", "page_count", "latency_ms", "model", "provider", "request_id"],
      "properties": {
        "output": {"type": "string"},
        "page_count": {"type": "integer"},
        "text": {"type": "string", "description": "With output text; pages are divided by form feeds"},
        "markdown": {"type": "string", "description": "With output markdown"},
        "layout_elements": {"type": "array", "items": {"type": "object"}, "description": "With output layout"},
        "pages": {"type": "array", "items": {"type": "object"}, "description": "With output json"},
        "failed_pages": {"$ref": "#/components/schemas/FailedPages"},
        "latency_ms": {"type": "integer"},
        "model": {"type": "string"},
        "provider": {"type": "string"},
        "request_id": {"type": "string"}}})"},
    {"FailedPages", R"({
      "type": "array", "description": "Pages that could not be read; absent if all were",
      "items": {
        "type": "object",
        "properties": {
          "page": {"type": "integer"}, "code": {"type": "string"}, "message": {"type": "string"}}}})"},
    {"ClassifyRequest", R"({
      "type": "object", "required": ["image_urls"],
      "properties": {
        "image_urls": {"$ref": "#/components/schemas/ImageUrls"},
        "prompt": {"type": "string"},
        "industry": {"type": "string", "description": "Classifications are kept apart by it"},
        "model": {"type": "string", "default": "document-classifier"}}})",
     Media::JsonOrMultipart},
    {"Classification", R"({
      "type": "object",
      "required": ["type", "confidence", "reasoning", "latency_ms", "model", "provider", "request_id"],
      "properties": {
        "type": {"$ref": "#/components/schemas/DocumentType"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "reasoning": {"type": "string"},
        "failed_pages": {"$ref": "#/components/schemas/FailedPages"},
        "cached": {"type": "boolean", "description": "Kept from an earlier request with the same files"},
        "processing_time": {"type": "number", "description": "Seconds; of /classify_file_async, when it is known already"},
        "latency_ms": {"type": "integer"},
        "model": {"type": "string"},
        "provider": {"type": "string"},
        "request_id": {"type": "string"}}})"},
    {"ExtractRequest", R"({
      "type": "object", "required": ["image_urls"],
      "properties": {
        "image_urls": {"$ref": "#/components/schemas/ImageUrls"},
        "doc_type": {"$ref": "#/components/schemas/DocumentType"},
        "prompt": {"type": "string"},
        "prompt_mode": {"type": "string"},
        "include_raw": {"type": "boolean", "default": false},
        "model": {"type": "string", "default": "document-extractor"}}})",
     Media::JsonOrMultipart},
    {"Extraction", R"({
      "type": "object",
      "required": ["data", "confidence", "doc_type", "page_count", "latency_ms", "model", "provider", "request_id"],
      "properties": {
        "data": {"type": "object", "description": "The fields of the document's type; unread ones are null"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "doc_type": {"$ref": "#/components/schemas/DocumentType"},
        "page_count": {"type": "integer"},
        "raw_ocr": {"type": "string", "description": "With include_raw"},
        "failed_pages": {"$ref": "#/components/schemas/FailedPages"},
        "latency_ms": {"type": "integer"},
        "model": {"type": "string"},
        "provider": {"type": "string"},
        "request_id": {"type": "string"}}})"},

    {"Scopes", R"({
      "type": "array", "minItems": 1, "uniqueItems": true,
      "items": {"type": "string",
        "enum": ["models:read", "models:write", "inference:text", "inference:image", "inference:audio",
                 "inference:document", "jobs:read", "jobs:write", "cluster:read", "cluster:write",
                 "metrics:read", "admin"]}})"},
    {"ApiKeyRequest", R"({
      "type": "object", "description": "To make a key, name and scopes are needed",
      "properties": {
        "name": {"type": "string", "maxLength": 128},
        "scopes": {"$ref": "#/components/schemas/Scopes"},
        "tier": {"type": "string", "default": "default"},
        "expires_at": {"type": ["string", "null"], "format": "date-time"},
        "disabled": {"type": "boolean"},
        "budget_day": {"type": ["number", "null"], "minimum": 0, "description": "USD in a UTC day; null: as the tier"},
        "budget_month": {"type": ["number", "null"], "minimum": 0, "description": "USD in a calendar month of UTC"}},
      "additionalProperties": false})"},
    {"ApiKey", R"({
      "type": "object", "required": ["id", "object", "name", "scopes", "tier", "created_at"],
      "properties": {
        "id": {"type": "string"},
        "object": {"type": "string", "const": "api_key"},
        "name": {"type": "string"},
        "scopes": {"$ref": "#/components/schemas/Scopes"},
        "tier": {"type": "string"},
        "created_at": {"type": "string", "format": "date-time"},
        "expires_at": {"type": ["string", "null"], "format": "date-time"},
        "disabled_at": {"type": ["string", "null"], "format": "date-time"},
        "revoked_at": {"type": ["string", "null"], "format": "date-time"},
        "last_used_at": {"type": ["string", "null"], "format": "date-time"},
        "budget_day": {"type": ["number", "null"]},
        "budget_month": {"type": ["number", "null"]}}})"},
    {"NewApiKey", R"({
      "allOf": [
        {"$ref": "#/components/schemas/ApiKey"},
        {"type": "object", "required": ["key"],
         "properties": {"key": {"type": "string", "description": "Shown here and never again"}}}]})",
     Media::Json, 201},
    {"ApiKeyList", R"({
      "type": "object", "required": ["object", "data"],
      "properties": {
        "object": {"type": "string", "const": "list"},
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/ApiKey"}},
        "has_more": {"type": "boolean"}}})"},
    {"UsageReport", R"({
      "type": "object", "required": ["object", "data", "totals", "has_more"],
      "properties": {
        "object": {"type": "string", "const": "list"},
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/UsageRow"}},
        "totals": {"$ref": "#/components/schemas/UsageRow"},
        "has_more": {"type": "boolean"},
        "last_id": {"type": ["string", "null"], "description": "For `after`"}}})"},
    {"UsageRow", R"({
      "type": "object", "required": ["requests", "input_tokens", "output_tokens", "cost_usd", "estimated_requests"],
      "properties": {
        "day": {"type": "string", "format": "date"},
        "principal": {"type": "string"},
        "model": {"type": "string"},
        "requests": {"type": "integer"},
        "input_tokens": {"type": "integer"},
        "output_tokens": {"type": "integer"},
        "cost_usd": {"type": "number"},
        "estimated_requests": {"type": "integer", "description": "Of the requests, those whose tokens no provider told"}}})"},
    {"UserRequest", R"({
      "type": "object", "required": ["name", "password", "scopes"],
      "properties": {
        "name": {"type": "string"},
        "password": {"type": "string", "format": "password"},
        "scopes": {"$ref": "#/components/schemas/Scopes"},
        "tier": {"type": "string", "default": "default"}},
      "additionalProperties": false})"},
    {"UserChange", R"({
      "type": "object",
      "properties": {
        "password": {"type": "string", "format": "password"},
        "scopes": {"$ref": "#/components/schemas/Scopes"},
        "tier": {"type": "string"},
        "disabled": {"type": "boolean"}},
      "additionalProperties": false})"},
    {"User", R"({
      "type": "object", "required": ["name", "object", "scopes", "tier", "created_at"],
      "properties": {
        "name": {"type": "string"},
        "object": {"type": "string", "const": "user"},
        "scopes": {"$ref": "#/components/schemas/Scopes"},
        "tier": {"type": "string"},
        "created_at": {"type": "string", "format": "date-time"},
        "disabled_at": {"type": ["string", "null"], "format": "date-time"}}})"},
    {"NewUser", R"({"$ref": "#/components/schemas/User"})", Media::Json, 201},
    {"UserList", R"({
      "type": "object", "required": ["object", "data"],
      "properties": {
        "object": {"type": "string", "const": "list"},
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/User"}},
        "has_more": {"type": "boolean"}}})"},
    {"Deleted", R"({
      "type": "object", "required": ["deleted"],
      "properties": {
        "name": {"type": "string"}, "object": {"type": "string"},
        "deleted": {"type": "boolean", "const": true}}})"},

    {"Error", R"({
      "type": "object", "required": ["error"],
      "properties": {"error": {"$ref": "#/components/schemas/ErrorObject"}}})"},
    {"ErrorWithDetail", R"({
      "type": "object", "required": ["error", "detail"],
      "properties": {
        "error": {"$ref": "#/components/schemas/ErrorObject"},
        "detail": {"type": "string", "description": "The same as error.message"}}})"},
    {"ErrorObject", R"({
      "type": "object", "required": ["message", "type", "param", "code", "request_id", "timestamp"],
      "properties": {
        "message": {"type": "string"},
        "type": {"type": "string"},
        "param": {"type": ["string", "null"], "description": "The field at fault"},
        "code": {"type": ["string", "null"]},
        "details": {"type": "object"},
        "request_id": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"}}})"},
});
// clang-format on

}  // namespace

std::span<const Schema> schemas() {
  static const std::vector<Schema> kAll = [] {
    std::vector<Schema> all(kSchemas.begin(), kSchemas.end());
    for (const std::span<const Schema> more : {routing_schemas(), media_schemas()}) {
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }();
  return kAll;
}

const Schema* find_schema(std::string_view name) {
  const std::span<const Schema> all = schemas();
  const auto found = std::ranges::find(all, name, &Schema::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace headgate::api
