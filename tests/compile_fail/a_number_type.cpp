// expects: argument int of Trainer is not a policy, for it names no axis
#include "mini.hpp"

Trainer<Net, int> trainer;
