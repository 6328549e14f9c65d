#pragma once

#include <vector>

#include "api/route.h"

namespace headgate::api {

/// One endpoint for each kind of route; all borrowed, all set.
struct Endpoints {
  const Endpoint* live;
  const Endpoint* ready;
  const Endpoint* health;
  const Endpoint* metrics;
  const Endpoint* openapi;
  const Endpoint* docs;
  const Endpoint* redoc;
  const Endpoint* docs_assets;
  const Endpoint* token;
  const Endpoint* refresh;
  const Endpoint* revoke;
  const Endpoint* chat;
  const Endpoint* completion;
  const Endpoint* embedding;
  const Endpoint* image;
  const Endpoint* speech;
  const Endpoint* transcription;
  const Endpoint* moderation;
  const Endpoint* rerank;
  const Endpoint* models;
  const Endpoint* messages;
  const Endpoint* count_tokens;
  const Endpoint* create_response;
  const Endpoint* show_response;
  const Endpoint* cancel_response;
  const Endpoint* ocr;
  const Endpoint* classify;
  const Endpoint* extract;
  const Endpoint* list_jobs;
  const Endpoint* show_job;
  const Endpoint* cancel_job;
  const Endpoint* job_events;
  const Endpoint* redeliver;
  const Endpoint* show_request;
  const Endpoint* cancel_request;
  const Endpoint* job_socket;
  const Endpoint* request_chat;
  const Endpoint* request_ocr;
  const Endpoint* classify_file;
  const Endpoint* classify_file_later;
  const Endpoint* classification_result;
  const Endpoint* generate_text;
  const Endpoint* generate_image;
  const Endpoint* speak;
  const Endpoint* show_task;
  const Endpoint* show_queue;
  const Endpoint* list_targets;
  const Endpoint* open_target;
  const Endpoint* close_target;
  const Endpoint* list_keys;
  const Endpoint* create_key;
  const Endpoint* change_key;
  const Endpoint* revoke_key;
  const Endpoint* list_users;
  const Endpoint* create_user;
  const Endpoint* change_user;
  const Endpoint* remove_user;
  const Endpoint* usage;
  const Endpoint* config;
  const Endpoint* reload_config;
};

/// The table of all routes: what exists, who may call it and how its errors look.
std::vector<Route> make_routes(const Endpoints& endpoints);

}  // namespace headgate::api
