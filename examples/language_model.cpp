/// A character language model: a small GPT on the pages of a folder, such as gradus's own docs. It
/// is evaluated by its perplexity on the last tenth of the text, and then writes some of its own.
#include <gradus/gradus.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

using namespace gradus;

/// Files that end in .md, in order of their paths.
std::string text_below(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> pages;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  }
  std::sort(pages.begin(), pages.end());
  std::string text;
  for (const auto& page : pages) {
    std::ifstream file(page);
    text.append(std::istreambuf_iterator<char>(file), {});
  }
  return text;
}

/// The likeliest `count` bytes but for chance, one after the other.
std::string written_by(Gpt& model, std::string text, std::int64_t count) {
  const at::NoGradGuard no_grad;
  model->eval();
  for (; count > 0; --count) {
    const auto seen = std::min(text.size(), static_cast<std::size_t>(model->options.context));
    const auto ids = data::byte_ids(text.substr(text.size() - seen)).to(torch::kLong);
    const auto scores = model->forward(ids.unsqueeze(0))[0][-1];
    text +=
        static_cast<char>(torch::multinomial((scores / 0.7).softmax(0), 1).item<std::int64_t>());
  }
  return text;
}

int main(int argc, char** argv) {
  const auto text = text_below(argc > 1 ? argv[1] : "docs");
  constexpr std::int64_t context = 64;
  const auto cut = text.size() / 10 * 9;
  const data::TokenDataset train(data::byte_ids(text.substr(0, cut)), context, context / 2);
  const data::TokenDataset test(data::byte_ids(text.substr(cut)), context);

  torch::manual_seed(0);
  Gpt model(GptOptions{.context = context, .layers = 2, .heads = 4, .channels = 96});
  using Writer = Trainer<Gpt, NextToken, Perplexity, Preset<Plain{.batch_size = 32}>, AdamW,
                         Preset<OneCycle{.max_lr = 0.006}>, Preset<ClipNorm{.max_norm = 1}>>;
  Writer writer(model, {.epochs = 5});
  observe::Progress progress("gpt");
  const auto history = writer.fit(train, test, progress);
  std::cout << written_by(model, "## ", 200) << "\nperplexity "
            << *history.epochs.back().test->metric("perplexity") << '\n';
}
