// expects: policies gradus::Constant and gradus::OneCycle both fill axis schedule; keep one of
// them.
#include "mini.hpp"

Trainer<Net, Constant, Accumulate, OneCycle> trainer;
