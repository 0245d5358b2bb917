/// A model, a dataset and a stream with nothing wrong, for programs that must not compile.
#pragma once

#include <gradus/train/trainer.hpp>

#include <cstdint>
#include <optional>
#include <span>

using namespace gradus;

struct NetImpl : torch::nn::Module {
  at::Tensor forward(const at::Tensor& x) { return x; }
};
TORCH_MODULE(Net);

struct Table {
  std::int64_t size() const { return 1; }
  Batch batch(std::span<const std::int64_t>) const { return {}; }
};

struct Readings {
  std::optional<Batch> next(std::int64_t) { return std::nullopt; }
};
