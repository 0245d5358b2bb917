/// One header of gradus and one of each package that it needs, and a call into LibTorch.
#include <gradus/version.hpp>

#include <nlohmann/json.hpp>
#include <range/v3/version.hpp>

#include <c10/core/DeviceType.h>

#include <iostream>

int main() {
  std::cout << nlohmann::json{{"gradus", gradus::version},
                              {"range-v3", RANGE_V3_VERSION},
                              {"device", c10::DeviceTypeName(c10::DeviceType::CPU)}}
            << '\n';
}
