// The rows of the option table for a model's targets and how they are chosen and tried.

#include <array>

#include "config/option_slots.h"
#include "config/text_checks.h"

namespace headgate::config {
namespace {

using enum Reload;
using enum Type;

constexpr std::array<std::string_view, 5> kAbilities = {"text", "images", "tools", "json_schema",
                                                        "prefill"};
constexpr std::array<std::string_view, 3> kImages = {"any", "with", "without"};

using Model = ModelSettings;
using Target = TargetSettings;
using Retry = RetrySettings;
using Breaker = BreakerSettings;
using Rule = RuleSettings;

constexpr Option kTargetOptions[] = {
    {.name = "provider",
     .type = Text,
     .reload = Live,
     .help = "A name under providers.",
     .slot = at<Target, &Target::provider>,
     .check = check_name},
    {.name = "model",
     .type = Text,
     .reload = Live,
     .help = "The provider's own name of the model; empty: the same name.",
     .slot = at<Target, &Target::model>},
    {.name = "endpoint",
     .type = Text,
     .reload = Live,
     .help = "RunPod: the endpoint's id.",
     .slot = at<Target, &Target::endpoint>},
    {.name = "weight",
     .type = Number,
     .reload = Live,
     .help = "Its share under the strategies weighted, least_loaded and sticky.",
     .slot = at<Target, &Target::weight>,
     .maximum = 1e6},
    {.name = "quality",
     .type = Number,
     .reload = Live,
     .help = "How good its answers are, 0 to 1, for the strategy quality.",
     .slot = at<Target, &Target::quality>,
     .maximum = 1},
    {.name = "context",
     .type = Count,
     .reload = Live,
     .help = "Tokens of its context; 0: unknown.",
     .slot = at<Target, &Target::context>,
     .maximum = 1e9},
    {.name = "max_output",
     .type = Count,
     .reload = Live,
     .help = "Tokens of the longest answer it gives; 0: unknown.",
     .slot = at<Target, &Target::max_output>,
     .maximum = 1e9},
    {.name = "supports",
     .type = TextList,
     .reload = Live,
     .help = "All that it can do; a request that needs more goes to other targets. Empty: not "
             "known, and then everything is assumed.",
     .slot = at<Target, &Target::supports>,
     .allowed = kAbilities},
};

constexpr Option kPriceOptions[] = {
    {.name = "input",
     .type = Number,
     .reload = Live,
     .help = "USD per million tokens read.",
     .slot = at<Target, &Target::price_input>,
     .maximum = 1e9},
    {.name = "output",
     .type = Number,
     .reload = Live,
     .help = "USD per million tokens written.",
     .slot = at<Target, &Target::price_output>,
     .maximum = 1e9},
    {.name = "image",
     .type = Number,
     .reload = Live,
     .help = "USD for each image made, beside what its tokens cost.",
     .slot = at<Target, &Target::price_image>,
     .maximum = 1e4},
    {.name = "characters",
     .type = Number,
     .reload = Live,
     .help = "USD per million characters spoken.",
     .slot = at<Target, &Target::price_characters>,
     .maximum = 1e9},
    {.name = "minute",
     .type = Number,
     .reload = Live,
     .help = "USD per minute of sound transcribed, where the answer tells how long it was.",
     .slot = at<Target, &Target::price_minute>,
     .maximum = 1e4},
};

constexpr Section kTargetSections[] = {
    {.name = "price", .help = "What it costs.", .options = kPriceOptions, .enter = same},
};

constexpr Option kRetryOptions[] = {
    {.name = "max_attempts",
     .type = Count,
     .reload = Live,
     .help = "Attempts at one target.",
     .slot = at<Retry, &Retry::max_attempts>,
     .minimum = 1,
     .maximum = 100},
    {.name = "initial",
     .type = Duration,
     .reload = Live,
     .help = "Longest wait before the second attempt.",
     .slot = at<Retry, &Retry::initial>,
     .maximum = kHour},
    {.name = "max",
     .type = Duration,
     .reload = Live,
     .help = "Longest wait of all.",
     .slot = at<Retry, &Retry::max>,
     .maximum = kHour},
    {.name = "factor",
     .type = Number,
     .reload = Live,
     .help = "How much longer each further wait may be.",
     .slot = at<Retry, &Retry::factor>,
     .minimum = 1,
     .maximum = 100},
    {.name = "budget",
     .type = Number,
     .reload = Live,
     .help = "Retries of the same target per request over the last ten seconds.",
     .slot = at<Retry, &Retry::budget>,
     .maximum = 100},
    {.name = "budget_per_second",
     .type = Number,
     .reload = Live,
     .help = "Retries a second that are allowed besides.",
     .slot = at<Retry, &Retry::budget_per_second>,
     .maximum = 1e6},
};

constexpr Option kBreakerOptions[] = {
    {.name = "failures",
     .type = Count,
     .reload = Live,
     .help = "Failures in a row that take a target out; 0: never.",
     .slot = at<Breaker, &Breaker::failures>,
     .maximum = 1'000'000},
    {.name = "open_for",
     .type = Duration,
     .reload = Live,
     .help = "How long it stays out.",
     .slot = at<Breaker, &Breaker::open_for>,
     .maximum = kDay},
};

constexpr Option kHedgeOptions[] = {
    {.name = "after",
     .type = Text,
     .reload = Live,
     .help = "off, p95 (of the target's recent answers, or of a stream of its first tokens), or a "
             "duration: how long a silent target is waited for before another is asked beside it.",
     .slot = at<Model, &Model::hedge_after>,
     .check = check_hedge},
};

constexpr Option kRuleOptions[] = {
    {.name = "min_input_tokens",
     .type = Count,
     .reload = Live,
     .help = "About requests of so many tokens or more, as estimated.",
     .slot = at<Rule, &Rule::min_input_tokens>,
     .maximum = 1e9},
    {.name = "max_input_tokens",
     .type = Count,
     .reload = Live,
     .help = "About requests of so many tokens or fewer; 0: no bound.",
     .slot = at<Rule, &Rule::max_input_tokens>,
     .maximum = 1e9},
    {.name = "kinds",
     .type = TextList,
     .reload = Live,
     .help = "About requests of these kinds; empty: all.",
     .slot = at<Rule, &Rule::kinds>,
     .allowed = kModelKinds},
    {.name = "clients",
     .type = TextList,
     .reload = Live,
     .help = "About requests of these: X-Client-ID, or name of the user or key; empty: all.",
     .slot = at<Rule, &Rule::clients>,
     .check = check_name},
    {.name = "hours",
     .type = Text,
     .reload = Live,
     .help = "About requests at this time of day in UTC, e.g. 22:00-06:00; empty: always.",
     .slot = at<Rule, &Rule::hours>,
     .check = check_hours},
    {.name = "images",
     .type = Text,
     .reload = Live,
     .help = "About requests with or without images.",
     .slot = at<Rule, &Rule::images>,
     .allowed = kImages},
    {.name = "prefer",
     .type = TextList,
     .reload = Live,
     .help = "Targets that are tried before the others: a provider, or provider/model.",
     .slot = at<Rule, &Rule::prefer>},
    {.name = "only",
     .type = TextList,
     .reload = Live,
     .help = "Targets that may be tried at all.",
     .slot = at<Rule, &Rule::only>},
    {.name = "model",
     .type = Text,
     .reload = Live,
     .help = "Another model that answers instead.",
     .slot = at<Rule, &Rule::model>},
};

constexpr Section kRoutingSections[] = {
    {.name = "targets",
     .help = "What serves the model, best first.",
     .shape = Shape::Listed,
     .options = kTargetOptions,
     .sections = kTargetSections,
     .add = NumberedVector<Model, &Model::targets>::add,
     .entries = NumberedVector<Model, &Model::targets>::entries},
    {.name = "rules",
     .help = "Where some requests go; the first rule that is about a request holds.",
     .shape = Shape::Listed,
     .options = kRuleOptions,
     .add = NumberedVector<Model, &Model::rules>::add,
     .entries = NumberedVector<Model, &Model::rules>::entries},
    {.name = "retry",
     .help = "Retries inside one request.",
     .options = kRetryOptions,
     .enter = within<Model, &Model::retry>},
    {.name = "breaker",
     .help = "When a failing target is left alone.",
     .options = kBreakerOptions,
     .enter = within<Model, &Model::breaker>},
    {.name = "hedge",
     .help = "A second attempt beside a silent first; the slower one is cancelled.",
     .options = kHedgeOptions,
     .enter = same},
};

}  // namespace

std::span<const Section> routing_sections() { return kRoutingSections; }

}  // namespace headgate::config
