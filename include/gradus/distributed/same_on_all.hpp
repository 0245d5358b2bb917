/// Whether all processes of a run do the same.
#pragma once

#include <gradus/distributed/communicator.hpp>
#include <gradus/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

/// `facts` are lines of this rank, in an order that all have. Throws DistributedError, on all
/// ranks, that names the first line in which a rank differs from rank 0.
inline void check_same_on_all(Communicator& ranks, const std::vector<std::string>& facts) {
  std::string text;
  for (const auto& fact : facts) text += fact + '\n';
  const auto texts = ranks.exchange(text);
  const auto line_at = [](const std::string& all, std::size_t place) {
    const auto begin = place == 0 ? 0 : all.rfind('\n', place - 1) + 1;
    const auto line = all.substr(begin, all.find('\n', begin) - begin);
    return line.empty() ? std::string("nothing more") : line;
  };
  for (std::size_t rank = 1; rank < texts.size(); ++rank) {
    const auto& first = texts.front();
    const auto& other = texts[rank];
    if (other == first) continue;
    std::size_t same = 0;
    while (same < first.size() && same < other.size() && first[same] == other[same]) ++same;
    throw DistributedError("rank " + std::to_string(rank) + " differs from rank 0: '" +
                           line_at(other, same) + "' there, '" + line_at(first, same) +
                           "' on rank 0; start the same program with the same configuration, data "
                           "and checkpoint everywhere.");
  }
}

}  // namespace gradus
