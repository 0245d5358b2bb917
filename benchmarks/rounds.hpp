/// What the programs that are measured side by side share: they say what they are, warm up, and
/// then do one round for each line that they read, so that rounds of several programs can take
/// turns.
#pragma once

#include <gradus/settings/dump.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <string>

/// `--name value` pairs, all of them needed.
class Arguments {
 public:
  Arguments(int argc, char** argv);
  /// Throws gradus::UsageError if `name` was not given.
  [[nodiscard]] const std::string& text(const std::string& name) const;
  [[nodiscard]] std::int64_t number(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;
};

/// Sets the threads that LibTorch computes with, and returns versions, commit, compiler and
/// processor.
nlohmann::ordered_json facts(std::int64_t threads);

/// The most memory that the process has had so far, in MiB.
double peak_mebibytes();

template <class Body>
double seconds_of(Body&& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Each round is one JSON object on one line of stdout.
template <class Round>
void serve(const nlohmann::ordered_json& facts, Round&& round) {
  std::cout << gradus::dump(facts) << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << gradus::dump(nlohmann::ordered_json(round())) << std::endl;
  }
}
