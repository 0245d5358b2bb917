/// What Python PyTorch gave (tests/parity/make_reference.py).
#pragma once

#include <fstream>

#include <nlohmann/json.hpp>

inline const nlohmann::json& reference() {
  static const auto json = nlohmann::json::parse(std::ifstream(GRADUS_REFERENCE));
  return json;
}
