/// A small GPT: a decoder of transformer blocks, with the names of nanoGPT.
#pragma once

#include <gradus/error.hpp>
#include <gradus/model/detail/check_options.hpp>
#include <gradus/model/gpt_block.hpp>

#include <ATen/ops/arange.h>
#include <ATen/ops/linear.h>
#include <torch/nn/cloneable.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gradus {

/// The sizes of a Gpt.
struct GptOptions {
  std::int64_t vocabulary = 256;  ///< ids 0 to vocabulary - 1
  std::int64_t context = 128;     ///< tokens that it sees at most
  std::int64_t layers = 4;
  std::int64_t heads = 4;
  std::int64_t channels = 128;  ///< a multiple of `heads`
};

/// Holds the blocks "0", "1", ...
struct GptBlocksImpl : torch::nn::Cloneable<GptBlocksImpl> {
  explicit GptBlocksImpl(const GptOptions& given) : options(given) { reset(); }

  /// Makes the layers again.
  void reset() override {
    blocks.clear();
    for (std::int64_t k = 0; k < options.layers; ++k) {
      blocks.push_back(
          register_module(std::to_string(k), GptBlock(options.channels, options.heads)));
    }
  }

  GptOptions options;
  std::vector<GptBlock> blocks;
};
TORCH_MODULE(GptBlocks);

/// All but the scores: ids [N, T] int64 -> [N, T, channels].
struct GptTransformerImpl : torch::nn::Cloneable<GptTransformerImpl> {
  GptOptions options;
  torch::nn::Embedding wte{nullptr}, wpe{nullptr};
  GptBlocks h{nullptr};
  torch::nn::LayerNorm ln_f{nullptr};

  explicit GptTransformerImpl(const GptOptions& given) : options(given) { reset(); }

  /// Makes the layers again.
  void reset() override {
    wte = register_module("wte", torch::nn::Embedding(options.vocabulary, options.channels));
    wpe = register_module("wpe", torch::nn::Embedding(options.context, options.channels));
    h = register_module("h", GptBlocks(options));
    ln_f = register_module("ln_f",
                           torch::nn::LayerNorm(torch::nn::LayerNormOptions({options.channels})));
  }

  at::Tensor forward(const at::Tensor& ids) {
    const auto places = at::arange(ids.size(1), ids.options());
    auto x = wte(ids) + wpe(places);
    for (auto& block : h->blocks) x = block(x);
    return ln_f(x);
  }
};
TORCH_MODULE(GptTransformer);

/// Ids [N, T] int64, T at most `context` -> scores [N, T, vocabulary] of the id that follows each.
/// The scores are made with the embedding of tokens, one weight for both, as in nanoGPT, whose
/// `lm_head.weight` is that. Radford et al. 2019; norms before the parts.
struct GptImpl : torch::nn::Cloneable<GptImpl> {
  static constexpr std::string_view model_name = "Gpt";

  GptOptions options;
  GptTransformer transformer{nullptr};

  /// Throws ConfigurationError for a number below 1, or channels that the heads do not share out.
  explicit GptImpl(const GptOptions& given = {}) : options(given) {
    detail::check_options(model_name, {{"vocabulary", options.vocabulary},
                                       {"context", options.context},
                                       {"layers", options.layers},
                                       {"heads", options.heads},
                                       {"channels", options.channels}});
    if (options.channels % options.heads != 0) {
      throw ConfigurationError("Gpt was given " + std::to_string(options.channels) +
                               " channels for " + std::to_string(options.heads) +
                               " heads; expected a multiple of the heads.");
    }
    reset();
  }

  /// Makes the layers again: weights of a standard deviation of 0.02, and less for those that end
  /// in the sum of all layers.
  void reset() override {
    transformer = register_module("transformer", GptTransformer(options));
    const at::NoGradGuard no_grad;
    const double in_sum = 0.02 / std::sqrt(2.0 * static_cast<double>(options.layers));
    for (auto& item : named_parameters()) {
      const auto& name = item.key();
      auto& weight = item.value();
      if (name.ends_with(".bias")) {
        weight.zero_();
      } else if (weight.dim() > 1) {
        weight.normal_(0, name.ends_with("c_proj.weight") ? in_sum : 0.02);
      }
    }
  }

  at::Tensor forward(const at::Tensor& ids) {
    if (ids.size(1) > options.context) {
      throw DataError("Gpt was given " + std::to_string(ids.size(1)) + " tokens, but it sees " +
                      std::to_string(options.context) +
                      " at most; give it fewer, or make it with "
                      "a longer context.");
    }
    return at::linear(transformer(ids), transformer->wte->weight);
  }
};
TORCH_MODULE(Gpt);

}  // namespace gradus
