// expects: model int of Trainer is not a module holder; derive a class from torch::nn::Module
#include "mini.hpp"

Trainer<int, Descent> trainer;
