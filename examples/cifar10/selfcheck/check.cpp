#include "check.hpp"

#include <gradus/error.hpp>
#include <gradus/observe/text.hpp>

#include <c10/util/Exception.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace cifar10::checks {

std::string_view word(Verdict verdict) {
  switch (verdict) {
    case Verdict::holds:
      return "holds";
    case Verdict::fails:
      return "fails";
    case Verdict::not_run:
      return "not run";
  }
  return "fails";
}

Outcome holds_if(bool condition, std::string figure, nlohmann::ordered_json measured) {
  return {condition ? Verdict::holds : Verdict::fails, std::move(figure), std::move(measured)};
}

Outcome not_run(std::string why) { return {Verdict::not_run, std::move(why)}; }

Checks all_checks() {
  Checks all;
  for (auto* group : {arithmetic_checks, training_checks, data_checks, step_checks, cuda_checks}) {
    for (auto& check : group()) all.push_back(std::move(check));
  }
  return all;
}

std::vector<Finding> run_checks(const Checks& checks, const Subject& subject,
                                const std::function<void(const std::string&)>& say) {
  std::vector<Finding> findings;
  for (const auto& check : checks) {
    say(check.sentence + " ...");
    const auto begun = std::chrono::steady_clock::now();
    Finding finding{check, {}};
    try {
      finding.outcome = check.run(subject);
    } catch (const c10::Error& error) {
      finding.outcome = {Verdict::fails, error.what_without_backtrace()};
    } catch (const std::exception& error) {
      finding.outcome = {Verdict::fails, error.what()};
    }
    finding.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    findings.push_back(std::move(finding));
  }
  return findings;
}

namespace {

std::vector<std::string> failed(const std::vector<Finding>& findings) {
  std::vector<std::string> sentences;
  for (const auto& [check, outcome, seconds] : findings) {
    if (outcome.verdict == Verdict::fails) sentences.push_back(check.sentence);
  }
  return sentences;
}

}  // namespace

nlohmann::ordered_json to_json(const std::vector<Finding>& findings) {
  auto checks = nlohmann::ordered_json::array();
  for (const auto& [check, outcome, seconds] : findings) {
    checks.push_back({{"group", check.group},
                      {"check", check.sentence},
                      {"result", word(outcome.verdict)},
                      {"figure", outcome.figure},
                      {"measured", outcome.measured},
                      {"seconds", seconds}});
  }
  const auto sentences = failed(findings);
  return {{"holds", sentences.empty()}, {"failed", sentences}, {"checks", std::move(checks)}};
}

std::string table(const std::vector<Finding>& findings) {
  std::size_t widest = 0;
  for (const auto& finding : findings) {
    widest = std::max(widest, gradus::observe::columns(finding.check.sentence));
  }
  std::string text;
  std::string group;
  for (const auto& [check, outcome, seconds] : findings) {
    if (check.group != group) text += (text.empty() ? "" : "\n") + check.group + "\n";
    group = check.group;
    const std::string result(word(outcome.verdict));
    text += "  " + result + std::string(9 - result.size(), ' ') + check.sentence;
    text += std::string(widest - gradus::observe::columns(check.sentence) + 2, ' ');
    text += outcome.figure.substr(0, outcome.figure.find('\n')) + "\n";
  }
  return text;
}

void throw_if_failed(const std::vector<Finding>& findings, const std::string& file) {
  const auto sentences = failed(findings);
  if (sentences.empty()) return;
  std::string list;
  for (const auto& sentence : sentences) list += (list.empty() ? "'" : ", '") + sentence + "'";
  throw gradus::CheckError(std::to_string(sentences.size()) + " of " +
                           std::to_string(findings.size()) + " checks failed: " + list +
                           "; send back " + file + ", which holds every figure.");
}

}  // namespace cifar10::checks
