// expects: argument Number of Trainer is not a policy, for it names no axis; add `using slot =
// gradus::slot::...;` or leave it out.
#include "mini.hpp"

struct Number {};
using Broken = Trainer<Net, Number>;
Broken first;
Broken second;
