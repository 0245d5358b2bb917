// expects: argument int of fit is neither a dataset nor an observer; give it `void on(const
// gradus::EpochEnd& event)`, or `size` and `batch`, or leave it out.
#include "mini.hpp"

void train() { fit(Squares(), 5); }
