// expects: model int of Trainer is not a module holder; derive a class from torch::nn::Module,
// write TORCH_MODULE(...) after it and give Trainer the holder.
#include "mini.hpp"

Trainer<int, Descent> trainer;
