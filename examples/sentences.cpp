/// Sentences of different lengths: which kind of page one is from, told from its characters. The
/// pages are those of a folder, such as gradus's own docs; the kinds are its folders.
#include <gradus/gradus.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <regex>
#include <string>
#include <vector>

using namespace gradus;

/// Sentences with the numbers of their kinds: single samples, each as long as it is.
struct Sentences {
  std::vector<std::string> texts;
  std::vector<std::int64_t> kinds;

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(texts.size()); }
  [[nodiscard]] Batch sample(std::int64_t i) const {
    const auto place = static_cast<std::size_t>(i);
    return {data::byte_ids(texts[place]).to(torch::kLong),      // [T]
            torch::scalar_tensor(kinds[place], torch::kLong)};  // []
  }
};

/// Those of all files that end in .md.
Sentences sentences_below(const std::filesystem::path& folder) {
  std::map<std::filesystem::path, std::int64_t> kinds;
  std::map<std::filesystem::path, std::string> pages;  // in order
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".md") continue;
    std::ifstream file(entry.path());
    pages[entry.path()].assign(std::istreambuf_iterator<char>(file), {});
    kinds[entry.path().parent_path()] = 0;
  }
  std::int64_t number = 0;
  for (auto& [name, kind] : kinds) kind = number++;
  Sentences found;
  const std::regex ends("[.:;]\\s|\n\\s*\n|\n[|]");
  for (const auto& [path, text] : pages) {
    for (std::sregex_token_iterator at(text.begin(), text.end(), ends, -1), end; at != end; ++at) {
      if (at->length() < 20 || at->length() > 400) continue;
      found.texts.push_back(*at);
      found.kinds.push_back(kinds[path.parent_path()]);
    }
  }
  return found;
}

/// Characters and their neighbours, the mean over those that are no padding, a score a kind.
struct ReaderImpl : torch::nn::Module {
  torch::nn::Embedding letters = register_module("letters", torch::nn::Embedding(256, 32));
  torch::nn::Conv1d around =
      register_module("around", torch::nn::Conv1d(torch::nn::Conv1dOptions(32, 96, 5).padding(2)));
  torch::nn::Linear scores;

  explicit ReaderImpl(std::int64_t kinds)
      : scores(register_module("scores", torch::nn::Linear(96, kinds))) {}

  at::Tensor forward(const at::Tensor& ids, const at::Tensor& mask) {
    const auto shown = mask.unsqueeze(2);                            // [N, T, 1]
    const auto seen = (letters(ids) * shown).transpose(1, 2);        // [N, 32, T]
    const auto found = around(seen).relu() * shown.transpose(1, 2);  // [N, 96, T]
    return scores(found.sum(2) / shown.sum(1));
  }
};
TORCH_MODULE(Reader);

/// `Supervised`, but that the model is shown the mask too.
struct MaskedSupervised {
  using slot = gradus::slot::task;
  static constexpr std::string_view name = "MaskedSupervised";
  static constexpr auto fields() { return no_fields; }

  TaskResult forward(auto& model, const data::Padded<Batch>& batch, const auto& loss) const {
    const auto output = model->forward(batch.input, batch.mask);
    return {loss(output, batch.target), output, batch.target};
  }
};

int main(int argc, char** argv) {
  const auto found = sentences_below(argc > 1 ? argv[1] : "docs");
  const auto parts = data::split(found.size(), 0.25, /*seed=*/0, found.kinds);
  const data::Collated<Sentences, data::Pad> all(found);
  const auto counts = torch::tensor(found.kinds).bincount();
  torch::manual_seed(0);
  using Fit = Trainer<Reader, MaskedSupervised, Preset<AdamW{.lr = 0.003}>,
                      Preset<Prefetch{.batch_size = 32}>>;
  Fit trainer(Reader(counts.size(0)), {.epochs = 8});
  const auto history =
      trainer.fit(data::Subset(all, parts.train), data::Subset(all, parts.held_out));
  const auto& test = *history.epochs.back().test;
  const auto most = counts.max().item<double>() / static_cast<double>(found.size());
  std::cout << found.size() << " sentences of " << counts.size(0) << " kinds: accuracy "
            << *test.accuracy() << ", " << *test.accuracy() - most << " above the largest kind\n";
}
