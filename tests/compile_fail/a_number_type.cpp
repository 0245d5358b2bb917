// expects: argument int of Trainer is not a policy, for it names no axis in public; add `using slot
// = gradus::slot::...;`, or a tag of your own, or leave it out.
#include "mini.hpp"

Trainer<Net, int> trainer;
