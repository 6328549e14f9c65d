#include "app/job_system.h"

#include <algorithm>
#include <future>
#include <utility>

#include "observe/log.h"
#include "queue/webhook_rules.h"
#include "queue/webhook_signature.h"

namespace headgate::app {
namespace {

namespace log = observe::log;
using observe::MetricKind;
using observe::Sample;

}  // namespace

config::QueueSettings queue_settings(const config::Settings& settings, std::string_view model) {
  const auto found = std::ranges::find(settings.models, model, &config::ModelSettings::name);
  return found == settings.models.end() ? settings.queue : found->queue;
}

queue::LineSettings line_settings(const config::Settings& settings, std::string_view model) {
  const config::QueueSettings queue = queue_settings(settings, model);
  return {.max_concurrent = static_cast<std::size_t>(queue.max_concurrent),
          .max_waiting = static_cast<std::size_t>(queue.max_waiting),
          .max_backlog = static_cast<std::size_t>(queue.max_backlog),
          .age_step = queue.age_step,
          .reserved = {queue.reserve.high, queue.reserve.normal, queue.reserve.low,
                       queue.reserve.batch}};
}

Result<std::unique_ptr<JobSystem>> JobSystem::open(Parts parts) {
  constexpr std::size_t kReaders = 2;
  auto readers = stores::sqlite::Readers::open(parts.path, kReaders);
  if (!readers) {
    return fail(readers.error());
  }
  const auto settings = parts.settings();
  auto keys = queue::load_webhook_keys(settings->webhooks, settings->data_dir);
  if (!keys) {
    return fail(keys.error());
  }
  return std::unique_ptr<JobSystem>(
      new JobSystem(std::move(parts), std::move(*readers), std::move(*keys)));
}

JobSystem::JobSystem(Parts parts, std::unique_ptr<stores::sqlite::Readers> readers,
                     std::vector<config::Secret> webhook_keys)
    : parts_(std::move(parts)),
      loops_(parts_.loops),
      readers_(std::move(readers)),
      writer_(*parts_.database),
      jobs_(
          stores::sqlite::make_job_store({parts_.database, &writer_, readers_.get(), parts_.pool})),
      events_(
          stores::sqlite::make_event_log({parts_.database, &writer_, readers_.get(), parts_.pool})),
      webhooks_(stores::sqlite::make_webhook_store(
          [this](stores::sqlite::Work work) { return writer_.run(std::move(work)); })),
      usage_(stores::sqlite::make_usage_store(
          {parts_.database, &writer_, readers_.get(), parts_.pool})),
      sender_(*loops_.front(), *webhooks_, parts_.fetchers->at(0), *parts_.clock,
              {.keys = std::move(webhook_keys),
               .webhooks = parts_.settings()->webhooks,
               .fetch = parts_.settings()->fetch}),
      queue_(
          {.jobs = jobs_.get(),
           .events = events_.get(),
           .lines = parts_.lines,
           .runner = &runner_,
           .clock = parts_.clock,
           .loops = loops_,
           .settings =
               [this](std::string_view model) { return queue_settings(*parts_.settings(), model); },
           .webhook_due = [this] { sender_.wake(); },
           .pauses = {.put_back = parts_.patience.put_back}}),
      caller_totals_(
          [this](std::map<std::string, stores::JobCounts> ended) {
            return jobs_->add_counts(std::move(ended));
          },
          loops_.size()),
      keys_(stores::sqlite::make_idempotency_store(
          {parts_.database, &writer_, readers_.get(), parts_.pool})),
      idempotency_(*keys_, *parts_.clock),
      submission_({.queue = &queue_,
                   .clock = parts_.clock,
                   .check_webhook =
                       [this](const std::string& url) {
                         return queue::check_webhook_url(url, parts_.settings()->fetch);
                       }}),
      desk_{.queue = &queue_,
            .submission = &submission_,
            .webhooks = webhooks_.get(),
            .caller_totals = &caller_totals_,
            .clock = parts_.clock,
            .webhook_due = [this] { sender_.wake(); }} {}

Result<void> JobSystem::start(std::span<const api::Route> routes, const api::Admission& admission) {
  runner_.use(routes, admission);
  auto recovered = queue_.start();
  if (!recovered) {
    return fail(recovered.error());
  }
  loops_.front()->post([this] { sender_.start(); });
  return {};
}

void JobSystem::begin_stop() {
  // First of all the lines: each slot that comes free would go to a job that may not run.
  parts_.lines->close_to_jobs();
  queue_.begin_stop();
  queue_.watch().close();
}

bool JobSystem::stop(SteadyTime until) {
  queue_.stop(until);
  bool ended = queue_.at_rest();
  if (!ended) {
    log::error("jobs did not end after they were broken off; the next start takes them up",
               {{"jobs", queue_.stats().running}});
  }
  // Shared with the sender's goodbye, which may outlive our patience.
  auto stopped = std::make_shared<std::promise<void>>();
  const auto stop_sender = [](queue::WebhookSender& sender, std::chrono::milliseconds goodbye,
                              std::shared_ptr<std::promise<void>> done) -> Task<void> {
    co_await sender.stop(std::chrono::steady_clock::now() + goodbye);
    done->set_value();
  };
  auto done = stopped->get_future();
  loops_.front()->post([this, stop_sender, stopped = std::move(stopped)] {
    loops_.front()->spawn(stop_sender(sender_, parts_.patience.webhooks, stopped));
  });
  if (done.wait_for(parts_.patience.webhooks + parts_.patience.webhooks_end) !=
      std::future_status::ready) {
    log::error("webhooks under way did not end; the next start sends them again");
    ended = false;
  }
  return ended;
}

std::vector<std::string> JobSystem::model_names() const {
  // Not the lines' own: a provider that takes any model lets clients invent labels.
  std::vector<std::string> names;
  const auto settings = parts_.settings();
  names.reserve(settings->models.size());
  for (const config::ModelSettings& model : settings->models) {
    names.push_back(model.name);
  }
  return names;
}

void JobSystem::add_wait_metrics(observe::Metrics& metrics) const {
  using queue::WaitTimes;
  metrics.on_scrape_histogram(
      {.name = "headgate_queue_wait_seconds",
       .help = "How long callers and jobs that started had waited in the line of a model",
       .kind = MetricKind::Histogram,
       .labels = {"model", "class", "what"},
       .buckets = {WaitTimes::kBounds.begin(), WaitTimes::kBounds.end()}},
      [this] {
        std::vector<observe::HistogramSample> samples;
        const auto add = [&](const std::string& model, std::size_t priority, const char* what,
                             const WaitTimes& times) {
          samples.push_back({.labels = {model, std::string(model::kPriorityNames[priority]), what},
                             .counts = {times.counts().begin(), times.counts().end()},
                             .sum = times.sum_seconds()});
        };
        for (const std::string& model : model_names()) {
          const queue::LineView view = parts_.lines->view(model);
          for (std::size_t i = 0; i < model::kPriorities; ++i) {
            add(model, i, "caller", view.waits[i][static_cast<std::size_t>(queue::Kind::Caller)]);
            add(model, i, "job", view.waits[i][static_cast<std::size_t>(queue::Kind::Job)]);
          }
        }
        return samples;
      });
}

void JobSystem::add_metrics(observe::Metrics& metrics) const {
  metrics.on_scrape(
      {.name = "headgate_queue_waiting",
       .help = "Callers and jobs that wait in the line of a model",
       .kind = MetricKind::Gauge,
       .labels = {"model", "class", "what"}},
      [this] {
        std::vector<Sample> samples;
        for (const std::string& model : model_names()) {
          const queue::LineView view = parts_.lines->view(model);
          for (std::size_t i = 0; i < model::kPriorities; ++i) {
            const std::string name(model::kPriorityNames[i]);
            const auto& at = view.classes[i];
            samples.push_back({{model, name, "caller"}, static_cast<double>(at.waiting_callers)});
            samples.push_back({{model, name, "job"}, static_cast<double>(at.waiting_jobs)});
          }
        }
        return samples;
      });
  metrics.on_scrape(
      {.name = "headgate_queue_oldest_seconds",
       .help = "Age of the longest waiting entry of a class",
       .kind = MetricKind::Gauge,
       .labels = {"model", "class"}},
      [this] {
        const SteadyTime now = std::chrono::steady_clock::now();
        std::vector<Sample> samples;
        for (const std::string& model : model_names()) {
          const queue::LineView view = parts_.lines->view(model);
          for (std::size_t i = 0; i < model::kPriorities; ++i) {
            const auto oldest = view.classes[i].oldest;
            const double age = oldest ? std::chrono::duration<double>(now - *oldest).count() : 0;
            samples.push_back({{model, std::string(model::kPriorityNames[i])}, std::max(0.0, age)});
          }
        }
        return samples;
      });
  add_wait_metrics(metrics);
  const auto per_line = [&](MetricKind kind, const char* name, const char* help,
                            std::function<double(const queue::LineView&)> figure) {
    metrics.on_scrape({.name = name, .help = help, .kind = kind, .labels = {"model"}},
                      [this, figure = std::move(figure)] {
                        std::vector<Sample> samples;
                        for (const std::string& model : model_names()) {
                          samples.push_back({{model}, figure(parts_.lines->view(model))});
                        }
                        return samples;
                      });
  };
  per_line(MetricKind::Gauge, "headgate_queue_running", "Slots of a model that are taken",
           [](const queue::LineView& view) { return static_cast<double>(view.running); });
  per_line(MetricKind::Gauge, "headgate_queue_delayed_jobs",
           "Jobs that wait for their next attempt, outside the line",
           [](const queue::LineView& view) { return static_cast<double>(view.delayed_jobs); });
  per_line(MetricKind::Gauge, "headgate_queue_drain_rate",
           "Entries per second that a model's line lets through",
           [](const queue::LineView& view) { return view.drain_rate; });
  metrics.on_scrape(
      {.name = "headgate_queue_rejected_total",
       .help = "Callers and jobs that a line did not take, or that gave up waiting",
       .kind = MetricKind::Counter,
       .labels = {"model", "reason"}},
      [this] {
        std::vector<Sample> samples;
        for (const std::string& model : model_names()) {
          const queue::LineView view = parts_.lines->view(model);
          samples.push_back({{model, "queue_full"}, static_cast<double>(view.rejected_callers)});
          samples.push_back({{model, "backlog_full"}, static_cast<double>(view.rejected_jobs)});
          samples.push_back({{model, "wait_timeout"}, static_cast<double>(view.gave_up)});
        }
        return samples;
      });
  metrics.on_scrape({.name = "headgate_jobs_total",
                     .help = "Jobs since the start, by what happened: submitted, finished, retried",
                     .kind = MetricKind::Counter,
                     .labels = {"event"}},
                    [this] {
                      const queue::JobQueueStats stats = queue_.stats();
                      return std::vector<Sample>{
                          {{"submitted"}, static_cast<double>(stats.submitted)},
                          {{"finished"}, static_cast<double>(stats.finished)},
                          {{"retried"}, static_cast<double>(stats.retried)}};
                    });
  metrics.on_scrape(
      {.name = "headgate_jobs_unwritten",
       .help = "Jobs whose end or retry the store refuses for a reason that lasts",
       .kind = MetricKind::Gauge,
       .labels = {}},
      [this] { return std::vector<Sample>{{{}, static_cast<double>(queue_.stats().unwritten)}}; });
  metrics.on_scrape(
      {.name = "headgate_job_write_failures_total",
       .help = "Failed tries to write a job's end or retry; each is tried again",
       .kind = MetricKind::Counter,
       .labels = {}},
      [this] {
        return std::vector<Sample>{{{}, static_cast<double>(queue_.stats().write_failures)}};
      });
  metrics.on_scrape({.name = "headgate_webhooks_total",
                     .help = "Attempts to deliver webhooks, by outcome",
                     .kind = MetricKind::Counter,
                     .labels = {"outcome"}},
                    [this] {
                      const queue::WebhookStats stats = sender_.stats();
                      return std::vector<Sample>{
                          {{"delivered"}, static_cast<double>(stats.delivered)},
                          {{"retried"}, static_cast<double>(stats.retried)},
                          {{"failed"}, static_cast<double>(stats.failed)}};
                    });
}

}  // namespace headgate::app
