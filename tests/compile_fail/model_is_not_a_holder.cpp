// expects: model mini::NetImpl of Trainer is a module, not its holder; write TORCH_MODULE(...)
#include "mini.hpp"

Trainer<NetImpl, Descent> trainer;
