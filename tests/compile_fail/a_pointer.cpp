// expects: policy mini::Descent* of Trainer is a pointer; write mini::Descent.
#include "mini.hpp"

Trainer<Net, Descent*> trainer;
