#include "sim/runpod.h"

#include <algorithm>
#include <utility>

#include "sim/encoding.h"
#include "sim/json.h"
#include "sim/service.h"
#include "sim/text.h"

namespace headgate::sim {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxRun = std::size_t{10} << 20;
constexpr std::size_t kMaxRunSync = std::size_t{20} << 20;
constexpr std::size_t kSlice = 100;  ///< bytes of a stream in one piece: cuts events anywhere
constexpr milliseconds kStreamHold{10'000};
constexpr milliseconds kSyncHold{90'000};

Reply job_reply(std::string body) { return json_reply(Protocol::RunPod, std::move(body)); }

Answer refused(int status, std::string message) {
  return refusal(Protocol::RunPod, {status, "", std::move(message)});
}

std::string milliseconds_text(SteadyTime from, SteadyTime to) {
  return std::to_string(std::chrono::duration_cast<milliseconds>(to - from).count());
}

std::string brief(const Job& job, std::string_view status) {
  return R"({"id":)" + quoted(job.id) + R"(,"status":)" + quoted(status) + "}";
}

std::string job_json(const Job& job, SteadyTime now) {
  JobState state = job.state(now);
  std::string body = R"({"id":)" + quoted(job.id) + R"(,"status":)" + quoted(name_of(state));
  if (state != JobState::InQueue && now >= job.starts) {
    body += R"(,"delayTime":)" + milliseconds_text(job.submitted, job.starts) +
            R"(,"executionTime":)" +
            milliseconds_text(job.starts, std::min(job.cancelled.value_or(now), job.ends)) +
            R"(,"workerId":"simworker1")";
  }
  if (state == JobState::Completed && !job.without_output) {
    body += R"(,"output":)" + job.work.output;
  }
  if (state == JobState::Failed) {
    body += R"(,"error":)" + quoted(job.work.error);
  }
  return body + "}";
}

std::size_t available(const Job& job, SteadyTime now) {
  std::size_t count = job.work.pieces.size();
  if (now >= job.ends || job.ends == job.starts) {
    return is_over(job.state(now)) && job.state(now) == JobState::Completed ? count : 0;
  }
  if (now < job.starts || job.cancelled) {
    return 0;
  }
  auto passed = std::chrono::duration<double>(now - job.starts) /
                std::chrono::duration<double>(job.ends - job.starts);
  return static_cast<std::size_t>(passed * static_cast<double>(count));
}

/// Gives away what came since the last time.
std::string take_pieces(Job& job, SteadyTime now) {
  std::string body = R"({"status":)" + quoted(name_of(job.state(now))) + R"(,"stream":[)";
  for (std::size_t end = available(job, now); job.delivered < end; ++job.delivered) {
    body += body.back() == '[' ? "" : ",";
    body += R"({"output":)" + job.work.pieces[job.delivered] + R"(,"metrics":{"stream_index":)" +
            std::to_string(job.delivered + 1) + "}}";
  }
  return body + "]}";
}

/// What comes of a call that a worker passes on to its own model server.
Work passed_on(const Answer& answer) {
  Reply reply = struck_reply(answer.behaviour, answer.model, answer.reply);
  Work work;
  work.tokens = reply.tokens;
  if (reply.status != 200) {
    work.error = "{'message': 'vLLM returned HTTP " + std::to_string(reply.status) + ": " +
                 reply.body + "', 'type': 'worker_error', 'code': None}";
    return work;
  }
  if (reply.events.empty()) {
    work.output = "[" + reply.body + "]";
    work.pieces = {reply.body};
    return work;
  }
  std::string text = stream_text(answer.behaviour, reply);
  for (std::size_t at = 0; at < text.size(); at += kSlice) {
    work.pieces.push_back(quoted(std::string_view(text).substr(at, kSlice)));
  }
  work.tokens = reply.events.size();
  work.output = "[";
  for (const std::string& piece : work.pieces) {
    work.output += (work.output.size() == 1 ? "" : ",") + piece;
  }
  work.output += "]";
  return work;
}

/// What a handler for documents says: of their type unless it is told that, else of their fields.
std::string documents_output(const json::object& input, std::size_t pages, std::string_view text) {
  if (auto type = text_member(input, "doc_type")) {
    return R"({"data":{"text":)" + quoted(text) + R"(},"confidence":{"overall":0.9},"doc_type":)" +
           quoted(*type) + R"(,"page_count":)" + std::to_string(pages) +
           R"(,"raw_ocr":{"combined_text":)" + quoted(text) + "}}";
  }
  return R"({"type":"W2","confidence":0.95,"reasoning":)" + quoted(text) + "}";
}

Work own_work(const Behaviour& behaviour, const json::object& input) {
  Demand demand;
  if (auto prompt = text_member(input, "prompt")) {
    demand.heard(*prompt);
  } else {
    demand.heard(json::serialize(input));
  }
  Saying saying = say(behaviour, demand);
  Work work;
  work.tokens = saying.tokens();
  for (const std::string& piece : saying.pieces) {
    work.pieces.push_back(quoted(piece));
  }
  if (const json::array* urls = array_member(input, "image_urls")) {
    work.output = documents_output(input, urls->size(), saying.text());
  } else if (input.contains("prompt") || input.contains("messages")) {
    work.output = R"([{"choices":[{"tokens":[)" + quoted(saying.text()) +
                  R"(]}],"usage":{"input":)" + std::to_string(behaviour.prompt_tokens) +
                  R"(,"output":)" + std::to_string(saying.tokens()) + "}}]";
  } else {
    work.output = R"({"text":)" + quoted(saying.text()) + "}";
  }
  return work;
}

/// The route and body that an input asks the worker's model server for; unset: none.
struct Route {
  std::string method = "POST";
  std::string path = {};
  std::string body = {};
};

std::optional<Route> route_of(const json::object& input) {
  auto openai = text_member(input, "openai_route");
  auto other = text_member(input, "route");
  if (!openai && !other) {
    return std::nullopt;
  }
  Route route{.path = std::string(openai ? *openai : *other)};
  const json::value* body = member(input, openai ? "openai_input" : "body");
  route.body = body ? json::serialize(*body) : "";
  route.method =
      openai ? (body ? "POST" : "GET") : std::string(text_member(input, "method").value_or("POST"));
  return route;
}

std::optional<std::string> read_policy(const json::object& body, JobTable::Limits& limits) {
  const json::object* policy = object_member(body, "policy");
  if (!policy) {
    return std::nullopt;
  }
  auto timeout = count_member(*policy, "executionTimeout");
  auto ttl = count_member(*policy, "ttl");
  constexpr std::size_t kWeek = 604'800'000;
  if (timeout) {
    if (*timeout < 5000 || *timeout > kWeek) {
      return "policy.executionTimeout must be between 5000 and 604800000";
    }
    limits.execution = milliseconds(*timeout);
  }
  if (ttl) {
    if (*ttl < 10'000 || *ttl > kWeek) {
      return "policy.ttl must be between 10000 and 604800000";
    }
    limits.ttl = milliseconds(*ttl);
  }
  return std::nullopt;
}

milliseconds wait_of(const Incoming& incoming, milliseconds otherwise) {
  auto wait = incoming.parameter("wait");
  auto number = wait ? parse_count(*wait, 300'000) : std::nullopt;
  return number ? std::clamp(milliseconds(*number), milliseconds(1000), milliseconds(300'000))
                : otherwise;
}

Answer struck(const Behaviour& behaviour, std::string_view endpoint, Reply reply) {
  return {.behaviour = behaviour, .reply = std::move(reply), .model = std::string(endpoint)};
}

}  // namespace

Answer RunPod::answer(const Incoming& incoming) {
  std::string_view rest = incoming.path.substr(std::string_view("/v2/").size());
  std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) {
    return refused(404, "not found");
  }
  std::string endpoint = percent_decoded(rest.substr(0, slash));
  rest.remove_prefix(slash);
  if (rest.starts_with("/openai/v1/")) {
    return pass_on(endpoint, rest.substr(std::string_view("/openai").size()), incoming);
  }
  std::size_t end = rest.find('/', 1);
  std::string_view operation = rest.substr(1, end == std::string_view::npos ? end : end - 1);
  std::string_view id = end == std::string_view::npos ? "" : rest.substr(end + 1);
  auto picked = service_.pick(endpoint, operation);
  if (auto* failure = std::get_if<Failure>(&picked)) {
    return refused(404, failure->message);
  }
  const Behaviour& behaviour = std::get<Behaviour>(picked);
  bool post = incoming.method == "POST";
  if (post && id.empty() && (operation == "run" || operation == "runsync")) {
    return submit(endpoint, behaviour, incoming, operation == "runsync");
  }
  if (!post && operation == "health" && id.empty()) {
    return struck(behaviour, endpoint, health(endpoint, behaviour, incoming.now));
  }
  if (!post && operation == "requests" && id.empty()) {
    return struck(behaviour, endpoint, list(endpoint, incoming.now));
  }
  if (post && operation == "purge-queue" && id.empty()) {
    return struck(behaviour, endpoint, purge(endpoint, incoming.now));
  }
  bool takes_post = operation == "cancel" || operation == "retry";
  bool known =
      takes_post || operation == "status" || operation == "status-sync" || operation == "stream";
  if (!known || id.empty() || (takes_post && !post)) {
    return refused(404, "not found");
  }
  Job* job = jobs_.find(id, incoming.now);
  if (!job || job->endpoint != endpoint) {
    return struck(behaviour, endpoint,
                  error_reply(Protocol::RunPod, Behaviour{}, {404, "", "job not found"}));
  }
  return look_up(operation, *job, behaviour, incoming);
}

Answer RunPod::submit(std::string_view endpoint, const Behaviour& behaviour,
                      const Incoming& incoming, bool sync) {
  if (incoming.body.size() > (sync ? kMaxRunSync : kMaxRun)) {
    return refused(400, sync ? "payload exceeds 20MB" : "payload exceeds 10MB");
  }
  auto body = parse_object(incoming.body);
  const json::object* input = body ? object_member(*body, "input") : nullptr;
  if (!input) {
    return refused(400, "input is required and must be an object");
  }
  JobTable::Limits limits{.execution = {}, .ttl = {}, .sync = sync};
  if (auto problem = read_policy(*body, limits)) {
    return refused(400, *problem);
  }
  if (behaviour.status != 200) {
    return struck(behaviour, endpoint, Reply{.protocol = Protocol::RunPod});
  }
  Work work;
  if (auto route = route_of(*input)) {
    Incoming inner{.method = route->method,
                   .path = route->path,
                   .query = {},
                   .fields = "content-type: application/json\r\n",
                   .body = route->body,
                   .now = incoming.now};
    work = passed_on(service_.answer_openai(inner));
  } else {
    work = own_work(behaviour, *input);
  }
  Job& job = jobs_.submit(endpoint, behaviour, std::move(work), limits, json::serialize(*input),
                          incoming.now);
  if (!sync) {
    return struck(behaviour, endpoint, job_reply(brief(job, "IN_QUEUE")));
  }
  return answer_held({.job = job.id,
                      .stream = false,
                      .until = incoming.now + wait_of(incoming, kSyncHold),
                      .behaviour = behaviour},
                     incoming.now);
}

Answer RunPod::look_up(std::string_view operation, Job& job, const Behaviour& behaviour,
                       const Incoming& incoming) {
  SteadyTime now = incoming.now;
  JobState state = job.state(now);
  if (operation == "status") {
    return struck(behaviour, job.endpoint, job_reply(job_json(job, now)));
  }
  if (operation == "status-sync" || operation == "stream") {
    bool stream = operation == "stream";
    return answer_held({.job = job.id,
                        .stream = stream,
                        .until = now + wait_of(incoming, stream ? kStreamHold : kSyncHold),
                        .behaviour = behaviour},
                       now);
  }
  if (behaviour.status != 200) {
    return struck(behaviour, job.endpoint, Reply{.protocol = Protocol::RunPod});
  }
  if (operation == "cancel") {
    if (!is_over(state)) {
      job.cancelled = now;
    }
    return struck(behaviour, job.endpoint, job_reply(brief(job, name_of(job.state(now)))));
  }
  if (state != JobState::Failed && state != JobState::TimedOut) {
    return refused(400, "job is not FAILED or TIMED_OUT");
  }
  jobs_.restart(job, behaviour, now);
  return struck(behaviour, job.endpoint, job_reply(brief(job, "IN_QUEUE")));
}

Answer RunPod::answer_held(const Held& held, SteadyTime now) {
  Job* job = jobs_.find(held.job, now);
  if (!job) {
    return refused(404, "job not found");
  }
  bool over = is_over(job->state(now));
  bool news = held.stream && available(*job, now) > job->delivered;
  if (!over && !news && now < held.until) {
    return {.behaviour = held.behaviour, .reply = {}, .model = job->endpoint, .held = held};
  }
  Reply reply = job_reply(held.stream ? take_pieces(*job, now) : job_json(*job, now));
  return struck(held.behaviour, job->endpoint, std::move(reply));
}

/// The platform runs the call as a job and unwraps its result; a cold endpoint only takes longer.
Answer RunPod::pass_on(std::string_view endpoint, std::string_view path, const Incoming& incoming) {
  auto picked = service_.pick(endpoint, "openai");
  if (auto* failure = std::get_if<Failure>(&picked)) {
    return refused(404, failure->message);
  }
  const Behaviour& platform = std::get<Behaviour>(picked);
  Incoming inner = incoming;
  inner.path = path;
  Answer answer = service_.answer_openai(inner);
  if (platform.status != 200 || platform.fault != Fault::None) {
    answer.behaviour = platform;
  }
  answer.behaviour.latency += platform.queue + jobs_.warm_up(endpoint, platform, incoming.now);
  return answer;
}

Reply RunPod::health(std::string_view endpoint, const Behaviour& behaviour, SteadyTime now) {
  if (behaviour.scaled_to_zero) {
    return {.protocol = Protocol::RunPod, .status = 204};
  }
  std::size_t counts[6] = {};
  std::size_t retried = 0;
  jobs_.for_each([&](const Job& job) {
    if (job.endpoint == endpoint) {
      ++counts[static_cast<std::size_t>(job.state(now))];
      retried += job.retries;
    }
  });
  auto count = [&](JobState state) {
    return std::to_string(counts[static_cast<std::size_t>(state)]);
  };
  bool warming = jobs_.is_warming(endpoint, now);
  bool busy = counts[static_cast<std::size_t>(JobState::InProgress)] > 0;
  std::size_t failed = counts[static_cast<std::size_t>(JobState::Failed)] +
                       counts[static_cast<std::size_t>(JobState::TimedOut)];
  std::string idle = !warming && !busy ? "1" : "0";
  return job_reply(R"({"jobs":{"completed":)" + count(JobState::Completed) + R"(,"failed":)" +
                   std::to_string(failed) + R"(,"inProgress":)" + count(JobState::InProgress) +
                   R"(,"inQueue":)" + count(JobState::InQueue) + R"(,"retried":)" +
                   std::to_string(retried) + R"(},"workers":{"idle":)" + idle +
                   R"(,"initializing":)" + (warming ? "1" : "0") + R"(,"ready":)" +
                   (warming ? "0" : "1") + R"(,"running":)" + (busy ? "1" : "0") +
                   R"(,"throttled":0,"unhealthy":0}})");
}

Reply RunPod::list(std::string_view endpoint, SteadyTime now) {
  std::string body = R"({"requests":[)";
  jobs_.for_each([&](const Job& job) {
    if (job.endpoint == endpoint && now < job.expires) {
      body += body.back() == '[' ? "" : ",";
      body += brief(job, name_of(job.state(now)));
    }
  });
  return job_reply(body + "]}");
}

Reply RunPod::purge(std::string_view endpoint, SteadyTime now) {
  std::size_t removed = 0;
  jobs_.for_each([&](Job& job) {
    if (job.endpoint == endpoint && now < job.expires && job.state(now) == JobState::InQueue) {
      job.cancelled = now;
      ++removed;
    }
  });
  return job_reply(R"({"removed":)" + std::to_string(removed) + R"(,"status":"completed"})");
}

}  // namespace headgate::sim
