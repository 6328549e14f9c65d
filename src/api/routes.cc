#include "api/routes.h"

namespace headgate::api {

std::vector<Route> make_routes(const Endpoints& to) {
  using enum edge::Method;
  using enum Surface;
  using enum model::Scope;
  constexpr std::string_view kNone;
  // Bodies of the administration are a few fields; whoever sends more is in error.
  constexpr std::uint64_t kSmall = 64 << 10;
  // clang-format off
  return {
      {Get, "/live", Public{}, Classic, kNone, "Status", "Whether the process runs", kNone, "Live", to.live},
      {Get, "/ready", Public{}, Classic, kNone, "Status", "Whether the gateway takes requests", kNone, "Ready", to.ready},
      {Get, "/health", Public{}, Classic, kNone, "Status", "The gateway, its stores and its upstreams", kNone, "Health", to.health},
      {Get, "/metrics", MetricsRead, Classic, kNone, "Status", "Figures in the Prometheus text format", kNone, kNone, to.metrics},

      {Get, "/openapi.json", Public{}, Classic, kNone, "Documentation", "These routes as an OpenAPI 3.1 document", kNone, kNone, to.openapi},
      {Get, "/docs", Public{}, Classic, kNone, "Documentation", "These routes in Swagger UI", kNone, kNone, to.docs},
      {Get, "/redoc", Public{}, Classic, kNone, "Documentation", "These routes in Redoc", kNone, kNone, to.redoc},
      {Get, "/docs/assets/{name}", Public{}, Classic, kNone, "Documentation", "A script or style of /docs and /redoc", kNone, kNone, to.docs_assets},

      {Post, "/auth/token", Public{}, Classic, kNone, "Authentication", "Log in with a password, or refresh", "TokenForm", "TokenPair", to.token, kSmall},
      {Post, "/auth/refresh", Public{}, Classic, kNone, "Authentication", "Exchange a refresh token for a new pair", "RefreshRequest", "TokenPair", to.refresh, kSmall},
      {Post, "/auth/revoke", Authenticated{}, Classic, kNone, "Authentication", "End a refresh or access token", "RevokeRequest", "Revoked", to.revoke, kSmall},

      {Post, "/v1/chat/completions", InferenceText, OpenAi, "chat", "Inference", "Chat completion, whole or streamed", "ChatRequest", "ChatCompletion", to.chat},
      {Post, "/v1/completions", InferenceText, OpenAi, "completion", "Inference", "Text completion, whole or streamed", "CompletionRequest", "Completion", to.completion},
      {Post, "/v1/embeddings", InferenceText, OpenAi, "embedding", "Inference", "Embeddings of texts", "EmbeddingRequest", "EmbeddingList", to.embedding},
      {Post, "/v1/images/generations", InferenceImage, OpenAi, "image", "Inference", "Images of a prompt, whole or streamed", "ImageRequest", "ImageList", to.image},
      {Post, "/v1/audio/speech", InferenceAudio, OpenAi, "speech", "Inference", "A text spoken, as a sound file or streamed", "AudioRequest", "SpokenText", to.speech},
      {Post, "/v1/audio/transcriptions", InferenceAudio, OpenAi, "transcription", "Inference", "The text of a sound file, whole or streamed", "TranscriptionForm", "Transcription", to.transcription},
      {Post, "/v1/moderations", InferenceText, OpenAi, "moderation", "Inference", "Whether texts or images may be shown", "ModerationRequest", "Moderation", to.moderation},
      {Post, "/v1/rerank", InferenceText, OpenAi, "rerank", "Inference", "Documents in the order in which they answer a query", "RerankRequest", "Ranking", to.rerank},
      {Get, "/v1/models", ModelsRead, OpenAi, kNone, "Inference", "The models served here", kNone, "ModelList", to.models},
      {Get, "/v1/models/{id...}", ModelsRead, OpenAi, kNone, "Inference", "One model", kNone, "Model", to.models},

      {Post, "/v1/messages", InferenceText, Anthropic, "chat", "Inference", "Anthropic's chat, whole or streamed", "MessagesRequest", "AnthropicMessage", to.messages},
      {Post, "/v1/messages/count_tokens", InferenceText, Anthropic, "count", "Inference", "How many tokens a chat's input has", "CountRequest", "TokenCount", to.count_tokens},
      {Post, "/v1/responses", InferenceText, OpenAi, "chat", "Inference", "OpenAI's responses, whole, streamed or in the background", "ResponsesRequest", "Response", to.create_response},
      {Get, "/v1/responses/{id}", JobsRead, OpenAi, kNone, "Inference", "A response made in the background", kNone, "StoredResponse", to.show_response},
      {Post, "/v1/responses/{id}/cancel", JobsWrite, OpenAi, kNone, "Inference", "Cancel a response in the background", kNone, "StoredResponse", to.cancel_response, kSmall},

      {Post, "/v1/ocr", InferenceDocument, OpenAi, "ocr", "Documents", "Read the text of documents", "OcrRequest", "OcrResult", to.ocr},
      {Post, "/v1/classify", InferenceDocument, Classic, "classify", "Documents", "Tell what a document is", "ClassifyRequest", "Classification", to.classify},
      {Post, "/v1/extract", InferenceDocument, Classic, "extract", "Documents", "Read the fields of a document", "ExtractRequest", "Extraction", to.extract},

      {Get, "/v1/jobs", JobsRead, OpenAi, kNone, "Jobs", "Jobs, newest first", kNone, "JobList", to.list_jobs},
      {Get, "/v1/jobs/{id}", JobsRead, OpenAi, kNone, "Jobs", "One job; ?wait=N waits for its end", kNone, "Job", to.show_job},
      {Delete, "/v1/jobs/{id}", JobsWrite, OpenAi, kNone, "Jobs", "Cancel a job, also while it runs", kNone, "Job", to.cancel_job},
      {Post, "/v1/jobs/{id}/cancel", JobsWrite, OpenAi, kNone, "Jobs", "Cancel a job, also while it runs", kNone, "Job", to.cancel_job, kSmall},
      {Get, "/v1/jobs/{id}/events", JobsRead, OpenAi, kNone, "Jobs", "What happens to a job, as server-sent events", kNone, kNone, to.job_events},
      {Post, "/v1/jobs/{id}/redeliver", JobsWrite, OpenAi, kNone, "Jobs", "Send the job's webhook again", kNone, "Redelivery", to.redeliver, kSmall},
      {Get, "/ws/inference/{id}", JobsRead, Classic, kNone, "Jobs", "What happens to a job, over a WebSocket", kNone, kNone, to.job_socket},

      {Post, "/api/chat", InferenceText, Classic, "chat", "Applications", "Chat completion as a job of an application, which X-Client-ID names", "ChatRequest", "QueuedRequest", to.request_chat},
      {Post, "/api/ocr", InferenceDocument, Classic, "ocr", "Applications", "Read documents as a job of an application, which X-Client-ID names", "AppOcrRequest", "QueuedRequest", to.request_ocr},
      {Get, "/api/requests/{id}", JobsRead, Classic, kNone, "Applications", "One job, in the words of /api", kNone, "Job", to.show_request},
      {Delete, "/api/requests/{id}", JobsWrite, Classic, kNone, "Applications", "Cancel a job", kNone, "Job", to.cancel_request},

      {Post, "/classify_file", InferenceDocument, Classic, "classify", "Classification", "Tell what a file is", "ClassifyForm", "Classification", to.classify_file},
      {Post, "/classify_file_async", InferenceDocument, Classic, "classify", "Classification", "Tell what a file is, as a job", "ClassifyForm", "ClassificationTask", to.classify_file_later},
      {Get, "/classification_result/{id}", JobsRead, Classic, kNone, "Classification", "What a file was found to be", kNone, "ClassificationResult", to.classification_result},

      {Post, "/api/v1/inference/text-generation", InferenceText, TaskApi, "completion", "Tasks", "Generate text as a task", "TextGenerationRequest", "NewTask", to.generate_text},
      {Post, "/api/v1/inference/image-generation", InferenceImage, TaskApi, "image", "Tasks", "Generate an image as a task", "ImageGenerationRequest", "NewTask", to.generate_image},
      {Post, "/api/v1/inference/text-to-speech", InferenceAudio, TaskApi, "speech", "Tasks", "Speak a text as a task", "SpeechRequest", "NewTask", to.speak},
      {Get, "/api/v1/inference/{id}", JobsRead, TaskApi, kNone, "Tasks", "One task; ?wait=N waits for its end", kNone, "Task", to.show_task},

      {Get, "/admin/queue/{model}", Admin, Classic, kNone, "Administration", "The line in front of a model", kNone, "Queue", to.show_queue},
      {Get, "/admin/targets", Admin, Classic, kNone, "Administration", "Where models are asked, and how each target and its breaker is doing", kNone, "TargetList", to.list_targets},
      {Post, "/admin/targets/open", Admin, Classic, kNone, "Administration", "Hold a target's breaker open: ?provider=P&target=T", kNone, "Target", to.open_target, kSmall},
      {Post, "/admin/targets/close", Admin, Classic, kNone, "Administration", "Close a target's breaker and wake its keys: ?provider=P&target=T", kNone, "Target", to.close_target, kSmall},
      {Get, "/admin/keys", Admin, Classic, kNone, "Administration", "All API keys, without their secrets", kNone, "ApiKeyList", to.list_keys},
      {Post, "/admin/keys", Admin, Classic, kNone, "Administration", "Make an API key; its text is shown once", "ApiKeyRequest", "NewApiKey", to.create_key, kSmall},
      {Patch, "/admin/keys/{id}", Admin, Classic, kNone, "Administration", "Change name, scopes, tier or expiry of a key", "ApiKeyRequest", "ApiKey", to.change_key, kSmall},
      {Delete, "/admin/keys/{id}", Admin, Classic, kNone, "Administration", "Revoke a key", kNone, "Revoked", to.revoke_key, kSmall},
      {Get, "/admin/users", Admin, Classic, kNone, "Administration", "All users", kNone, "UserList", to.list_users},
      {Post, "/admin/users", Admin, Classic, kNone, "Administration", "Make a user", "UserRequest", "NewUser", to.create_user, kSmall},
      {Patch, "/admin/users/{name}", Admin, Classic, kNone, "Administration", "Change password, scopes or tier of a user, or disable one", "UserChange", "User", to.change_user, kSmall},
      {Delete, "/admin/users/{name}", Admin, Classic, kNone, "Administration", "Delete a user", kNone, "Deleted", to.remove_user, kSmall},
      {Get, "/admin/usage", Admin, Classic, kNone, "Administration", "Requests, tokens and cost by day, principal and model", kNone, "UsageReport", to.usage},
      {Get, "/admin/config", Admin, Classic, kNone, "Administration", "The configuration in force, secrets masked", kNone, "Configuration", to.config},
      {Post, "/admin/config/reload", Admin, Classic, kNone, "Administration", "Read the configuration again, as SIGHUP does", kNone, "ConfigReload", to.reload_config, kSmall},
  };
  // clang-format on
}

}  // namespace headgate::api
