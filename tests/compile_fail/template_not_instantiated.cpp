// expects: type/value mismatch at argument 2 in template parameter list
// expects from clang: use of class template 'Every' requires template arguments
// The compiler's own words: a name is looked up before any check of ours.
#include "mini.hpp"

template <int Steps>
struct Every {
  using slot = slot::accumulation;
};

Trainer<Net, Every> trainer;
