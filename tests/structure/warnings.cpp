// Everything is included and the shipped policies are instantiated, so that templates are warned of
// as well. Compiled with warnings as errors by both compilers.
#include <gradus/gradus.hpp>
#include <gradus/testing.hpp>

using namespace gradus;

using Everything = Trainer<ResNet10, Prefetch, Mixed, Accumulate, AdamW, OneCycle, ShareEarlyLayer,
                           CropFlip, ChannelsLast, Progressive, CrossEntropy>;

History train(const data::ImageDataset& train, const data::ImageDataset& test) {
  observe::Log log;
  observe::Progress progress("everything");
  Everything trainer(ResNet10(), {.epochs = 1});
  const auto described = policies_to_json(trainer.policies());
  save_weights(*trainer.model(), "weights.safetensors", {{"policies", dump(described)}});
  return trainer.fit(train, test, log, progress);
}

template void testing::check_laws(const AdamW&);
template void testing::check_laws(const Mixed&);
template void testing::check_laws(const OneCycle&);
