// expects: argument Number of Trainer is not a policy, for it names no axis; add `using slot =
// gradus::slot::...;` or leave it out.
#include "mini.hpp"

struct Number {};

Trainer<Net, Number> trainer;
