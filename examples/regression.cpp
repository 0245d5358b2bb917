/// A regression on a table: how many bytes a source file has, from its lines, its words and how
/// deep it lies. The table is made of the files below a folder, such as gradus's own include/.
#include <gradus/gradus.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <string>

using namespace gradus;

/// "lines,words,depth,bytes", a row a file.
void write_table(const std::filesystem::path& folder, const std::filesystem::path& table) {
  std::ofstream out(table);
  out << "lines,words,depth,bytes\n";
  std::set<std::filesystem::path> paths;  // in order, whatever the file system
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.insert(entry.path());
  }
  for (const auto& path : paths) {
    std::ifstream file(path);
    std::int64_t lines = 0, words = 0;
    for (std::string line, word; std::getline(file, line); ++lines) {
      for (std::istringstream rest(line); rest >> word;) ++words;
    }
    const auto below = std::filesystem::relative(path, folder);
    out << lines << ',' << words << ',' << std::distance(below.begin(), below.end()) << ','
        << std::filesystem::file_size(path) << '\n';
  }
}

struct MlpImpl : torch::nn::Module {
  torch::nn::Linear first = register_module("first", torch::nn::Linear(3, 64));
  torch::nn::Linear second = register_module("second", torch::nn::Linear(64, 64));
  torch::nn::Linear last = register_module("last", torch::nn::Linear(64, 1));
  at::Tensor forward(const at::Tensor& x) {
    return last(second(first(x).relu()).relu()).squeeze(1);
  }
};
TORCH_MODULE(Mlp);

int main(int argc, char** argv) {
  const std::filesystem::path path = argc > 2 ? argv[2] : "sources.csv";
  write_table(argc > 1 ? argv[1] : "include", path);
  const auto table = data::read_csv(path);
  auto inputs = data::numbers_of(table, {"lines", "words", "depth"});
  inputs = (inputs - inputs.mean(0)) / inputs.std(0);
  const auto kilobytes = data::numbers_of(table, {"bytes"}).squeeze(1) / 1000;
  const data::TensorDataset all(Batch{.input = inputs, .target = kilobytes});
  const auto parts = data::split(all.size(), 0.25, /*seed=*/0);

  torch::manual_seed(0);
  using Fit =
      Trainer<Mlp, SquaredError, R2, MeanAbsoluteError, Preset<Adam{.lr = 0.003}>,
              Preset<Plain{.batch_size = 16}>, Preset<EarlyStop{.patience = 20, .monitor = "r2"}>>;
  Fit trainer(Mlp(), {.epochs = 200});
  const auto history =
      trainer.fit(data::Subset(all, parts.train), data::Subset(all, parts.held_out));
  const auto& test = *history.epochs.back().test;
  std::cout << all.size() << " files, " << history.epochs.size() << " epochs: r2 "
            << *test.metric("r2") << ", off by " << *test.metric("mean_absolute_error")
            << " kB on average\n";
}
