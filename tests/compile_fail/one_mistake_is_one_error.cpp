// expects: argument Number of Trainer is not a policy
#include "mini.hpp"

struct Number {};
using Broken = Trainer<Net, Number>;
Broken first;
Broken second;
