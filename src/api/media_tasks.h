#pragma once

#include <string>

#include <boost/json/fwd.hpp>

#include "api/job_submission.h"
#include "api/route.h"
#include "dispatch/dispatcher.h"

namespace headgate::api {

/// POST /api/v1/inference/image-generation and text-to-speech: a prompt or a text as a job for a
/// model of images or speech.
class GenerateMedia final : public Endpoint {
 public:
  enum class What : std::uint8_t { Image, Speech };
  /// Borrows all; `carrier` answers the same requests at /v1/images/generations or
  /// /v1/audio/speech.
  GenerateMedia(What what, const JobSubmission& submission, const dispatch::Catalogs& catalogs,
                const Endpoint& carrier)
      : what_(what), submission_(submission), catalogs_(catalogs), carrier_(carrier) {}
  Task<Result<edge::Response>> handle(Call call) const override;
  Queueing queueing(const edge::Request& /*request*/) const override {
    return Queueing::ByEndpoint;
  }

 private:
  const What what_;
  const JobSubmission& submission_;
  const dispatch::Catalogs& catalogs_;
  const Endpoint& carrier_;
};

/// The body for /v1/images/generations that asks for what an image-generation task asks for: width
/// and height (1024 each without them) become size, steps becomes num_inference_steps; members it
/// does not know stay, for servers that do. InvalidRequest names the field.
Result<std::string> make_image_body(const boost::json::object& task);

/// The body for /v1/audio/speech of a text-to-speech task: text becomes input, all else stays.
Result<std::string> make_speech_body(const boost::json::object& task);

}  // namespace headgate::api
