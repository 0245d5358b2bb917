// The pages of docs/axes: the smallest policy of each is compiled from the page, keeps the laws and
// trains; each table of numbers is what the declaration gives.
#include "axis_pages.hpp"
#include "catch.hpp"
#include "docs/table.hpp"
#include "train/toys.hpp"
#include <gradus/gradus.hpp>
#include <gradus/testing.hpp>

using namespace gradus;

namespace {

/// Small images of three classes: the class is the brightness.
class Squares {
 public:
  [[nodiscard]] std::int64_t size() const { return 48; }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    return batch(indices, std::vector<ImageTransform>(indices.size()));
  }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices,
                            std::span<const ImageTransform>) const {
    const auto target =
        torch::tensor(std::vector<std::int64_t>(indices.begin(), indices.end())) % 3;
    return {target.to(torch::kFloat).reshape({-1, 1, 1, 1}).expand({-1, 4, 8, 8}), target};
  }
};

struct HeadsImpl : torch::nn::Module {
  torch::nn::Linear first_head = register_module("first_head", torch::nn::Linear(4, 4));
  torch::nn::Linear second_head = register_module("second_head", torch::nn::Linear(4, 4));
  at::Tensor forward(const at::Tensor& x) { return second_head(first_head(x.mean({2, 3})).relu()); }
};
TORCH_MODULE(Heads);

template <class P>
void trains() {
  torch::manual_seed(0);
  Trainer<Heads, P> trainer(Heads(), {.epochs = 2});
  const auto history = trainer.fit(Squares(), Squares());
  CATCH_CHECK(history.epochs.size() == 2);
  CATCH_CHECK(std::isfinite(history.epochs.back().train_loss.value()));
}

}  // namespace

CATCH_TEMPLATE_TEST_CASE("the smallest policy of each page keeps the laws and trains", "",
                         page_precision::Bfloat16, page_accumulation::Eight,
                         page_optimizer::SignDescent, page_schedule::Halving,
                         page_loading::OneWorker, page_augmentation::MirrorEven,
                         page_layout::SmallChannelsLast, page_resolution::HalfThenFull,
                         page_loss::MultiMargin, page_loss::TokenMean, page_mixing::Neighbours,
                         page_clipping::ClipEach, page_averaging::PolyakMean, page_guard::Strict,
                         page_freezing::LateBiases, page_sampling::BackAndForth,
                         page_stopping::GoodEnough, page_execution::Patient,
                         page_extension::Centralize, page_metric::Confidence,
                         page_kernels::WithoutOneDnn) {
  testing::check_laws<TestType>();
  trains<TestType>();
}

#ifdef GRADUS_DISTRIBUTED
CATCH_TEST_CASE("the smallest distribution policy keeps the laws and trains") {
  testing::check_laws<page_distribution::SumAtTheEnd>();
  trains<page_distribution::SumAtTheEnd>();
}
#endif

CATCH_TEST_CASE("the smallest task keeps the laws and trains") {
  torch::manual_seed(0);
  testing::check_laws(page_task::Agreeing(), Heads(), Squares(), CrossEntropy());
  trains<page_task::Agreeing>();
}

CATCH_TEST_CASE("the smallest initialization policy keeps the laws and trains") {
  testing::check_laws(page_initialization::Biased(), [] {
    torch::manual_seed(0);
    return Heads();
  });
  trains<page_initialization::Biased>();
}

CATCH_TEST_CASE("the smallest sharing policy keeps the laws and trains") {
  testing::check_laws(page_sharing::TieHeads(), [] { return Heads(); });
  trains<page_sharing::TieHeads>();
}

CATCH_TEMPLATE_TEST_CASE("the tables of the pages are what the declarations give", "", Mixed,
                         Accumulate, SGD, Adam, AdamW, RMSprop, Lion, Adafactor, Muon,
                         ScheduleFreeAdamW, OptimizerAverage, OneCycle, Cosine, CosineRestarts,
                         Polynomial, StepDecay, MultiStep, Exponential, Warmup<Cosine>,
                         (Sequence<Constant, Polynomial>), WarmupStableDecay, ReduceOnPlateau,
                         Plain, Prefetch, Resident, CropFlip, RandomErasing<CropFlip>, Progressive,
                         CrossEntropy, WeightedCrossEntropy, BinaryCrossEntropy, Huber,
                         Reconstruction, Auroc, Mixup, CutMix, ClipNorm, ClipValue, EMA, SWA, Guard,
                         EarlyStop, Freeze, ClassBalanced, Lookahead<SGD>,
                         (Grouped<AdamW, Group{}>), CapturedStep, FastConvolutions) {
  gradus::test::check_table<TestType>();
}
