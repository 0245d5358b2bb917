// expects: policy const mini::Descent of Trainer is const- or volatile-qualified; write
// mini::Descent.
#include "mini.hpp"

Trainer<Net, const Descent> trainer;
