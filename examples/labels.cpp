/// Several labels: which headers a source file needs, told from the words of its code. The files
/// are those below a folder, such as gradus's own include/.
#include <gradus/gradus.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace gradus;

constexpr std::array labels{"<algorithm>", "<array>",    "<cmath>",  "<cstddef>",
                            "<cstdint>",   "<optional>", "<string>", "<string_view>",
                            "<utility>",   "<vector>",   "<ATen/",   "<gradus/error.hpp>"};

struct Source {
  std::set<std::string> words;
  std::array<bool, labels.size()> needs{};
};

Source read(const std::filesystem::path& path) {
  Source source;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#include")) {
      for (std::size_t k = 0; k < labels.size(); ++k) {
        source.needs[k] = source.needs[k] || line.find(labels[k]) != std::string::npos;
      }
      continue;
    }
    const auto splits = [](unsigned char c) { return c != '_' && c != ':' && !std::isalnum(c); };
    std::replace_if(line.begin(), line.end(), splits, ' ');  // std::vector is one word
    std::istringstream rest(line);
    for (std::string word; rest >> word;) source.words.insert(word);
  }
  return source;
}

/// `input` [N, V], 1 for each of V words that a file has; `target` [N, K], 1 for each of the
/// labels.
Batch table_of(const std::filesystem::path& folder) {
  std::set<std::filesystem::path> paths;  // in order, whatever the file system
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.insert(entry.path());
  }
  std::vector<Source> sources;
  std::map<std::string, int> files_with;
  for (const auto& path : paths) {
    sources.push_back(read(path));
    for (const auto& word : sources.back().words) ++files_with[word];
  }
  std::erase_if(files_with, [](const auto& word) { return word.second < 8; });
  const auto files = static_cast<std::int64_t>(sources.size());
  Batch table{torch::zeros({files, static_cast<std::int64_t>(files_with.size())}),
              torch::zeros({files, static_cast<std::int64_t>(labels.size())})};
  for (std::int64_t n = 0; n < files; ++n) {
    const auto& source = sources[static_cast<std::size_t>(n)];
    std::int64_t place = 0;
    for (const auto& [word, files_of_it] : files_with) {
      table.input[n][place++] = source.words.contains(word) ? 1 : 0;
    }
    for (std::size_t k = 0; k < labels.size(); ++k) {
      table.target[n][static_cast<std::int64_t>(k)] = source.needs[k] ? 1 : 0;
    }
  }
  return table;
}

int main(int argc, char** argv) {
  const data::TensorDataset all(table_of(argc > 1 ? argv[1] : "include"));
  const auto parts = data::split(all.size(), 0.25, /*seed=*/0);
  torch::manual_seed(0);
  using Net = torch::nn::Linear;
  using Fit =
      Trainer<Net, BinaryCrossEntropy, F1<>, Auroc, Preset<AdamW{.lr = 0.01, .weight_decay = 0.3}>,
              Preset<Plain{.batch_size = 16}>>;
  Fit trainer(Net(all.all().input.size(1), all.all().target.size(1)), {.epochs = 40});
  const auto history =
      trainer.fit(data::Subset(all, parts.train), data::Subset(all, parts.held_out));
  const auto& test = *history.epochs.back().test;
  std::cout << all.size() << " files, " << labels.size() << " labels: f1 "
            << *test.metric("f1_macro") << ", auroc " << *test.metric("auroc")
            << " (0.5 by chance)\n";
}
