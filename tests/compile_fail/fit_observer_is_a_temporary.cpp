// expects: observer Bell of fit is a temporary; give it a name, for it is told of the run and asked
// afterwards.
#include "mini.hpp"

struct Bell {
  void on(const EpochEnd&);
};

void train() { fit(Squares(), Squares(), Bell()); }
