#pragma once

#include "observe/metrics.h"
#include "routing/health.h"

namespace headgate::app {

/// Registers what is known of targets, keys and models' retries. Labels are names of the
/// configuration; `health` is borrowed until the last scrape.
void add_target_metrics(observe::Metrics& metrics, routing::Health& health);

}  // namespace headgate::app
