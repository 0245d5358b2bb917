// expects: dataset Table of fit cannot lie on a device, but policy Resident of axis loading puts
// it there; add `device_bytes` and `on_device` as gradus::data::ResidentDataset has them, or
// choose Prefetch.
#include "mini.hpp"
#include <gradus/policy/loading/resident.hpp>

int main() {
  Trainer<Net, Resident> trainer{Net()};
  return static_cast<int>(trainer.fit(Table()).epochs.size());
}
