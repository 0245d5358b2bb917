// Two processes against two of Python's DistributedDataParallel: the same 50 steps of ResNet10.
#include "../parity/trajectories.hpp"
#include "ranks.hpp"
#include <gradus/data/tensor_dataset.hpp>
#include <gradus/policy/distribution/data_parallel.hpp>
#include <gradus/policy/sampling/in_order.hpp>

#include <cstdlib>
#include <iostream>

using namespace gradus;
using nlohmann::json;

namespace {

constexpr const char* rank_case = "one of the processes of the comparison";

const json& reference() {
  static const auto document =
      json::parse(std::ifstream(std::string(GRADUS_PARITY) + "/distributed.json"));
  return document;
}

json trained(at::ScalarType type) {
  using Run = Trainer<ResNet10, Plain, SGD, gradus::InOrder, DataParallel>;
  const auto& one = reference();
  typename Run::policies_type policies;
  set_policy_field(policies, "loading", "batch_size", one["batch"]);
  set_policy_field(policies, "optimizer", "lr", one["lr"]);
  set_policy_field(policies, "optimizer", "momentum", one["momentum"]);
  set_policy_field(policies, "distribution", "bucket_megabytes", 0.05);
  auto net = parity::Making<ResNet10>::net();
  net->to(type);
  Run trainer(net, {.epochs = one["epochs"], .device = at::kCPU, .log_every_steps = 1}, policies);
  parity::start(trainer.parameters());
  const auto given = parity::images("data_batch_1.bin", one["samples"]);
  parity::Trajectory found;
  trainer.fit(data::TensorDataset(Batch{given.input.to(type), given.target}), found);
  for (const auto& [name, tensor] : trainer.parameters()) {
    found.weights.push_back(tensor.detach().to(at::kDouble).abs().sum().item<double>());
  }
  trainer.model()->eval();
  const at::NoGradGuard no_grad;
  const auto logits =
      trainer.model()->forward(parity::images("test_batch.bin", 64).input.to(type)).to(at::kDouble);
  const auto few = logits.slice(0, 0, 4).contiguous();
  found.logits.assign(few.const_data_ptr<double>(), few.const_data_ptr<double>() + few.numel());
  return {{"losses", found.losses},
          {"weights", found.weights},
          {"logits", found.logits},
          {"logit_sum", logits.abs().sum().item<double>()}};
}

}  // namespace

CATCH_TEST_CASE(rank_case, "[.]") {
  at::set_num_threads(1);
  std::cerr << json{{"float32", trained(at::kFloat)}, {"float64", trained(at::kDouble)}}
            << std::endl;
}

CATCH_TEST_CASE("two processes take the steps of Python's DistributedDataParallel") {
  const auto ranks = gradus::test::started(2, {GRADUS_TEST_DISTRIBUTED, rank_case});
  for (const auto& rank : ranks) {
    CATCH_INFO(rank->out() << rank->err());
    CATCH_REQUIRE(rank->wait() == 0);
  }
  const auto found = json::parse(ranks[0]->err());
  const auto rounding = parity::rounding_of(reference());
  for (const auto* type : {"float64", "float32"}) {
    const auto& expected = reference()[type];
    const bool is_double = std::string(type) == "float64";
    // As a run of one process on another processor: sums are in another order than Python's.
    const auto allowed = [&](std::size_t step) {
      return is_double ? std::max(1e-12, 16 * rounding[step] * 0x1p-29)
                       : std::max(1e-3, 4 * rounding[std::min(step + 10, rounding.size() - 1)]);
    };
    parity::check_losses(found[type]["losses"], expected, type, allowed);
    parity::Trajectory result;
    result.weights = found[type]["weights"].get<parity::Numbers>();
    result.logits = found[type]["logits"].get<parity::Numbers>();
    result.logit_sum = found[type]["logit_sum"];
    parity::check_result(result, expected, type, 10 * allowed(rounding.size() - 1));
  }
  // The second process has no observer: it says nothing of losses, and ends with the same weights.
  CATCH_CHECK(json::parse(ranks[1]->err())["float64"]["weights"] == found["float64"]["weights"]);
}
