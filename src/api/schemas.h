#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace headgate::api {

/// How a body with a schema travels.
enum class Media : std::uint8_t {
  Json,             ///< application/json
  Form,             ///< application/x-www-form-urlencoded
  Multipart,        ///< multipart/form-data
  JsonOrForm,       ///< either of them
  JsonOrMultipart,  ///< JSON, or multipart/form-data with the schema DocumentForm
  JsonOrEvents,     ///< JSON, or text/event-stream when the request says "stream": true
  TextOrEvents,     ///< JSON, plain text or text/event-stream, as the request asks
  SoundOrEvents,    ///< a sound file or text/event-stream, as the request asks
};

/// One entry of the OpenAPI document's components.schemas.
struct Schema {
  std::string_view name;
  std::string_view json;  ///< a JSON Schema (2020-12) object
  Media media = Media::Json;
  int status = 200;  ///< of an answer with this schema
};

/// Parts of them: schemas_routing.cc, schemas_media.cc.
std::span<const Schema> routing_schemas();
std::span<const Schema> media_schemas();
/// All schemas that route tables may name, with those they refer to.
std::span<const Schema> schemas();
/// The schema of that name, or null.
const Schema* find_schema(std::string_view name);

}  // namespace headgate::api
