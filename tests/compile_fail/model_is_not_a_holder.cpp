// expects: model mini::NetImpl of Trainer is a module, not its holder; write TORCH_MODULE(...)
// after the class of the module and give Trainer the holder.
#include "mini.hpp"

Trainer<NetImpl, Descent> trainer;
