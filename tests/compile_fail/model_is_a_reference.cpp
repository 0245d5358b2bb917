// expects: model mini::Net& of Trainer is a reference; write mini::Net.
#include "mini.hpp"

Trainer<Net&, Descent> trainer;
