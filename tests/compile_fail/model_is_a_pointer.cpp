// expects: model mini::NetImpl* of Trainer is a pointer; write mini::NetImpl.
#include "mini.hpp"

Trainer<NetImpl*, Descent> trainer;
