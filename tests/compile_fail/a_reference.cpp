// expects: policy mini::Descent& of Trainer is a reference; write mini::Descent.
#include "mini.hpp"

Trainer<Net, Descent&> trainer;
