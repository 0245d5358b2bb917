// expects: argument int of Trainer is not a policy, for it names no axis; add `using slot =
// gradus::slot::...;` or leave it out.
#include "mini.hpp"

Trainer<Net, int> trainer;
