/// A run by several processes: `torchrun --nproc-per-node 2 --no-python ./data_parallel FOLDER`, or
/// started by hand with RANK, WORLD_SIZE and MASTER_PORT. Alone it is a run of one process.
#include <gradus/distributed.hpp>
#include <gradus/gradus.hpp>

#include <iostream>

struct NetImpl : torch::nn::Module {
  torch::nn::Conv2d first = register_module("first", convolution(3, 16));
  torch::nn::Conv2d second = register_module("second", convolution(16, 32));
  torch::nn::Linear last = register_module("last", torch::nn::Linear(32, 10));

  static torch::nn::Conv2d convolution(int in, int out) {
    return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(2).padding(1));
  }
  at::Tensor forward(const at::Tensor& images) {
    return last(second(first(images).relu()).relu().mean({2, 3}));
  }
};
TORCH_MODULE(Net);

int main(int argc, char** argv) {
  using namespace gradus;
  using Run = Trainer<Net, Preset<Prefetch{.batch_size = 128, .workers = 1}>,
                      Preset<AdamW{.lr = 0.01}>, OneCycle, DataParallel>;
  try {
    const auto [train, test] = data::read_cifar10(argc > 1 ? argv[1] : ".");
    torch::manual_seed(0);
    Run trainer(Net(), {.epochs = 2});
    const auto history = trainer.fit(train, test);
    const auto [rank, size] = trainer.share();
    if (rank == 0) {
      std::cout << size << (size == 1 ? " process" : " processes") << ", test accuracy "
                << *history.epochs.back().test->accuracy() << '\n';
    }
    return 0;
  } catch (const Error& error) {
    std::cerr << "data_parallel: " << error.what() << '\n';
    return static_cast<int>(error.code());
  }
}
