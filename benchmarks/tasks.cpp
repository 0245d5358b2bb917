/// How many tokens a second does a small GPT learn from, and how many rows a perceptron?
/// `--task gpt`: 4 layers of 128 channels, 128 tokens, batches of 32; `gpt_mixed`: in mixed
/// precision. `--task mlp`: 8 numbers, two layers of 64, batches of 256.
#include "rounds.hpp"
#include <gradus/core/random.hpp>
#include <gradus/data/tensor_dataset.hpp>
#include <gradus/data/token_dataset.hpp>
#include <gradus/device/keep_memory.hpp>
#include <gradus/error.hpp>
#include <gradus/model/gpt.hpp>
#include <gradus/policy/loading/plain.hpp>
#include <gradus/policy/loading/resident.hpp>
#include <gradus/policy/loss/squared_error.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/precision/float32.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/policy/task/next_token.hpp>
#include <gradus/train/trainer.hpp>

#include <torch/torch.h>

#include <cstdint>

using namespace gradus;

namespace {

constexpr std::int64_t context = 128;

/// One epoch a round. `of_each` is what a sample counts for.
template <class T, class Set>
void measure(const nlohmann::ordered_json& said, T trainer, const Set& set, const char* unit,
             std::int64_t of_each) {
  serve(said, [&]() -> nlohmann::ordered_json {
    const auto seconds = seconds_of([&] { trainer.fit(set); });
    return {{unit, set.size() * of_each}, {"seconds", seconds}};
  });
}

template <class Precision>
void measure_gpt(const nlohmann::ordered_json& said, std::int64_t samples) {
  const auto ids = torch::randint(96, {samples * context + 1}, torch::kLong).to(torch::kByte);
  measure(said,
          Trainer<Gpt, NextToken, AdamW, Precision, Preset<Plain{.batch_size = 32}>>(
              Gpt(GptOptions{.vocabulary = 256, .context = context}), {.epochs = 1}),
          data::TokenDataset(ids, context), "tokens", context);
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv);
  const auto said = facts(arguments.number("--threads"));
  const auto& task = arguments.text("--task");
  const auto samples = arguments.number("--samples");
  keep_memory();
  torch::manual_seed(0);
  if (task == "gpt") {
    measure_gpt<Float32>(said, samples);
  } else if (task == "gpt_mixed") {
    measure_gpt<Mixed>(said, samples);
  } else if (task == "mlp") {
    using Net = torch::nn::Sequential;
    const auto rows = torch::randn({samples, 8});
    const data::TensorDataset table(Batch{.input = rows, .target = rows.sum(1, true)});
    Net net(torch::nn::Linear(8, 64), torch::nn::ReLU(), torch::nn::Linear(64, 64),
            torch::nn::ReLU(), torch::nn::Linear(64, 1));
    measure(said,
            Trainer<Net, SquaredError, AdamW, Preset<Resident{.batch_size = 256, .on_cpu = true}>>(
                net, {.epochs = 1}),
            table, "rows", 1);
  } else {
    throw UsageError("--task is " + task + ", but it takes gpt, gpt_mixed or mlp.");
  }
}
