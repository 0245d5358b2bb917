// expects: policy gradus::OneCycle of axis schedule cycles momentum, but mini::Descent of axis
// optimizer has none; switch the cycling off or choose another optimizer.
#include "mini.hpp"

Trainer<Net, Descent, OneCycle> trainer;
