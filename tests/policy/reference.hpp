/// What Python PyTorch gave (tests/parity/make_reference.py).
#pragma once

#include <nlohmann/json.hpp>

#include <fstream>

inline const nlohmann::json& reference() {
  static const auto json = nlohmann::json::parse(std::ifstream(GRADUS_REFERENCE));
  return json;
}
