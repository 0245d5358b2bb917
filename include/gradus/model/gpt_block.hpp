/// One transformer block of a GPT: attention, then a perceptron, each beside a shortcut.
#pragma once

#include <ATen/ops/gelu.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <torch/nn/cloneable.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace gradus {

/// [N, T, channels] -> the same; each place sees itself and those before it.
struct GptAttentionImpl : torch::nn::Cloneable<GptAttentionImpl> {
  torch::nn::Linear c_attn{nullptr}, c_proj{nullptr};

  GptAttentionImpl(std::int64_t channels, std::int64_t heads) : channels_(channels), heads_(heads) {
    reset();
  }

  /// Makes the layers again.
  void reset() override {
    c_attn = register_module("c_attn", torch::nn::Linear(channels_, 3 * channels_));
    c_proj = register_module("c_proj", torch::nn::Linear(channels_, channels_));
  }

  at::Tensor forward(const at::Tensor& x) {
    const auto samples = x.size(0);
    const auto tokens = x.size(1);
    const auto parts = c_attn(x).split(channels_, 2);
    const auto by_head = [&](const at::Tensor& part) {
      return part.view({samples, tokens, heads_, channels_ / heads_}).transpose(1, 2);
    };
    const auto seen = at::scaled_dot_product_attention(
        by_head(parts[0]), by_head(parts[1]), by_head(parts[2]), {}, 0.0, /*is_causal=*/true);
    return c_proj(seen.transpose(1, 2).reshape({samples, tokens, channels_}));
  }

 private:
  std::int64_t channels_, heads_;
};
TORCH_MODULE(GptAttention);

/// [..., channels] -> the same, through 4 times as many.
struct GptPerceptronImpl : torch::nn::Cloneable<GptPerceptronImpl> {
  torch::nn::Linear c_fc{nullptr}, c_proj{nullptr};

  explicit GptPerceptronImpl(std::int64_t channels) : channels_(channels) { reset(); }

  /// Makes the layers again.
  void reset() override {
    c_fc = register_module("c_fc", torch::nn::Linear(channels_, 4 * channels_));
    c_proj = register_module("c_proj", torch::nn::Linear(4 * channels_, channels_));
  }

  at::Tensor forward(const at::Tensor& x) { return c_proj(at::gelu(c_fc(x))); }

 private:
  std::int64_t channels_;
};
TORCH_MODULE(GptPerceptron);

/// [N, T, channels] -> the same.
struct GptBlockImpl : torch::nn::Cloneable<GptBlockImpl> {
  torch::nn::LayerNorm ln_1{nullptr}, ln_2{nullptr};
  GptAttention attn{nullptr};
  GptPerceptron mlp{nullptr};

  GptBlockImpl(std::int64_t channels, std::int64_t heads) : channels_(channels), heads_(heads) {
    reset();
  }

  /// Makes the layers again.
  void reset() override {
    const auto norm = [&] {
      return torch::nn::LayerNorm(torch::nn::LayerNormOptions({channels_}));
    };
    ln_1 = register_module("ln_1", norm());
    attn = register_module("attn", GptAttention(channels_, heads_));
    ln_2 = register_module("ln_2", norm());
    mlp = register_module("mlp", GptPerceptron(channels_));
  }

  at::Tensor forward(const at::Tensor& x) {
    const auto seen = x + attn(ln_1(x));
    return seen + mlp(ln_2(seen));
  }

 private:
  std::int64_t channels_, heads_;
};
TORCH_MODULE(GptBlock);

}  // namespace gradus
