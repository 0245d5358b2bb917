// expects: argument mini::Net of Trainer is a model, not a policy; the model comes first.
#include "mini.hpp"

Trainer<Accumulate, Net> trainer;
