#include "catch.hpp"
#include <gradus/core/random.hpp>
#include <gradus/device/device.hpp>
#include <gradus/settings/nearest.hpp>

CATCH_TEST_CASE("devices are known by name, and one that is not there is refused") {
  CATCH_CHECK(gradus::device_from_name("cpu") == c10::Device(c10::kCPU));
  CATCH_CHECK(gradus::device_from_name("auto") == gradus::default_device());
  CATCH_CHECK_THROWS_AS(gradus::device_from_name("cuda:99"), gradus::ConfigurationError);
  CATCH_CHECK_THROWS_AS(gradus::device_from_name("cuda:"), gradus::ConfigurationError);
  CATCH_CHECK_THROWS_WITH(gradus::device_from_name("tpu"),
                          "device is 'tpu', but it takes auto, cpu, cuda or cuda:N.");
}

CATCH_TEST_CASE("a device that is given in code is looked at too") {
  CATCH_CHECK(gradus::checked(c10::Device(c10::kCPU)) == c10::Device(c10::kCPU));
  CATCH_CHECK_THROWS_WITH(gradus::checked(c10::Device(c10::kCUDA, 99)),
                          Catch::Matchers::StartsWith("device 'cuda:99' is not there: this "));
  CATCH_CHECK_THROWS_WITH(gradus::checked(c10::Device(c10::kMeta)),
                          "device is 'meta', but gradus computes on cpu and cuda alone.");
}

CATCH_TEST_CASE("the nearest name is offered, or all of them") {
  CATCH_CHECK(gradus::edit_distance("kitten", "sitting") == 3);
  CATCH_CHECK(gradus::suggestion("optimised", {"unoptimized", "optimized"}) ==
              "; did you mean 'optimized'?");
  CATCH_CHECK(gradus::suggestion("zzz", {"ab", "cd"}) == "; known are ab, cd");
}

CATCH_TEST_CASE("random numbers depend on the key alone and fill their range evenly") {
  gradus::Random a(7);
  gradus::Random b(7);
  CATCH_CHECK(a() == b());
  CATCH_CHECK(gradus::mix(1, 2) != gradus::mix(2, 1));
  std::array<int, 5> counts{};
  for (int i = 0; i < 50000; ++i) ++counts[static_cast<std::size_t>(a.below(5))];
  for (const int count : counts) CATCH_CHECK(std::abs(count - 10000) < 400);  // 4.5 deviations
}
