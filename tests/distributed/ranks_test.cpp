// Rows 80 to 82 and 88 of the fault matrix: processes that are real, and what becomes of the others
// when one is missing, killed, stopped, slow, or fails.
#include "ranks.hpp"

#include "../catch.hpp"
#include <gradus/distributed/sigpipe_blocked.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using gradus::test::Port;
using gradus::test::Process;

namespace {

std::unique_ptr<Process> started(int rank, int size, const std::string& port,
                                 const std::string& task, int seconds = 60) {
  return std::make_unique<Process>(
      std::vector<std::string>{GRADUS_RANK, task, std::to_string(seconds)},
      std::vector{"RANK=" + std::to_string(rank), "LOCAL_RANK=" + std::to_string(rank),
                  "WORLD_SIZE=" + std::to_string(size), "MASTER_PORT=" + port});
}

/// Processes of one run.
class Ranks {
 public:
  Ranks(int size, const std::string& task, int seconds = 60) {
    const auto port = Port::unused();
    for (int rank = 0; rank < size; ++rank) {
      all_.push_back(started(rank, size, port, task, seconds));
    }
  }
  Process& operator[](std::size_t rank) { return *all_.at(rank); }
  [[nodiscard]] std::size_t size() const { return all_.size(); }

  /// All but one end with code 8 and a sentence that names it, within so many seconds.
  void check_misses(std::size_t rank, const std::string& sentence, double seconds) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t other = 0; other < size(); ++other) {
      if (other == rank) continue;
      CATCH_INFO("rank " << other << ": " << all_[other]->err());
      CATCH_CHECK(all_[other]->wait() == 8);
      CATCH_CHECK_THAT(all_[other]->err(), ContainsSubstring(sentence));
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    CATCH_CHECK(time.count() < seconds);
  }

 private:
  std::vector<std::unique_ptr<Process>> all_;
};

}  // namespace

CATCH_TEST_CASE("ranks sum, broadcast and exchange what is theirs") {
  // Sums of rank + 1 in five types, of rank * i, of the last one's 3 * (rank + 1), and texts.
  const std::vector<std::string> expected{
      "1 1 1 1 1 0 0 0 0 0 3, from 0", "3 3 3 3 3 0 1 2 3 4 6, from 0, from 1", "",
      "10 10 10 10 10 0 6 12 18 24 12, from 0, from 1, from 2, from 3"};
  for (const int size : {1, 2, 4}) {
    Ranks ranks(size, "together");
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
      CATCH_INFO("rank " << rank << " of " << size << ": " << ranks[rank].err());
      CATCH_CHECK(ranks[rank].wait() == 0);
      CATCH_CHECK(ranks[rank].out() ==
                  expected.at(static_cast<std::size_t>(size - 1)) + ", same bits\n");
      CATCH_CHECK(ranks[rank].err().empty());
    }
  }
}

CATCH_TEST_CASE("gradients of several ranks are those of one that has all samples") {
  for (const int size : {1, 2, 4}) {
    Ranks ranks(size, "gradients");
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
      CATCH_INFO("rank " << rank << " of " << size << ": " << ranks[rank].err());
      CATCH_CHECK(ranks[rank].wait() == 0);
      CATCH_CHECK(ranks[rank].out() == "0 0\n");  // largest difference, and how many are wrong
    }
  }
}

CATCH_TEST_CASE("buffers become those of the first rank before a backward pass that needs them") {
  Ranks ranks(3, "buffers");
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    CATCH_CHECK(ranks[rank].wait() == 0);
    CATCH_CHECK(ranks[rank].out() == "1 1 5 5 7 7 1 1 \n");
  }
}

CATCH_TEST_CASE("processes that have parted can meet again") {
  Ranks ranks(3, "again");
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    CATCH_INFO("rank " << rank << ": " << ranks[rank].err());
    CATCH_CHECK(ranks[rank].wait() == 0);
    CATCH_CHECK_THAT(ranks[rank].out(), StartsWith("6 6 6 6 6"));
  }
}

CATCH_TEST_CASE("a rank 0 that does not respond before all have come blocks nobody") {
  const auto port = Port::unused();
  const auto first = started(0, 3, port, "together", 8),
             second = started(1, 3, port, "together", 8);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  first->signal(SIGSTOP);
  const auto begin = std::chrono::steady_clock::now();
  CATCH_CHECK(second->wait() == 8);
  CATCH_CHECK_THAT(second->err(), ContainsSubstring("127.0.0.1:" + port));
  CATCH_CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(16));
}

CATCH_TEST_CASE("a process without variables is a run of its own") {
  Process alone({GRADUS_RANK, "together"}, {});
  CATCH_CHECK(alone.wait() == 0);
  CATCH_CHECK_THAT(alone.out(), StartsWith("1 1 1 1 1"));
}

CATCH_TEST_CASE("a port that somebody has is refused at once [row 80]") {
  const Port taken;
  const auto first = started(0, 2, taken.number(), "together");
  CATCH_CHECK(first->wait() == 8);
  CATCH_CHECK_THAT(first->err(), ContainsSubstring("cannot listen at 127.0.0.1:" + taken.number()));
  CATCH_CHECK_THAT(first->err(), ContainsSubstring("MASTER_PORT"));
}

CATCH_TEST_CASE("ranks that never come are named within the timeout [row 81]") {
  const auto port = Port::unused();
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::unique_ptr<Process>> there;
  for (const int rank : {0, 2}) there.push_back(started(rank, 5, port, "together", 4));
  for (const auto& one : there) {
    CATCH_INFO(one->err());
    CATCH_CHECK(one->wait() == 8);
    CATCH_CHECK_THAT(one->err(), ContainsSubstring("1, 3, 4"));
  }
  const auto later = started(1, 2, port, "together", 3);
  CATCH_CHECK(later->wait() == 8);
  CATCH_CHECK_THAT(later->err(), ContainsSubstring("rank 0 is not at 127.0.0.1:" + port));
  CATCH_CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

CATCH_TEST_CASE("a rank that is there twice, or expects other numbers, is refused") {
  const auto port = Port::unused();
  const auto first = started(0, 3, port, "together", 30);
  const std::array twins{started(1, 3, port, "together", 30), started(1, 3, port, "together", 30)};
  const auto refused = [&] {
    return std::ranges::count_if(twins, [&](const auto& twin) {
      return twin->err().find("rank 1 is already at 127.0.0.1:" + port) != std::string::npos;
    });
  };
  for (int i = 0; i < 2000 && refused() == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CATCH_CHECK(refused() == 1);
  const auto other = started(2, 4, port, "together", 30);
  CATCH_CHECK(other->wait() == 8);
  CATCH_CHECK_THAT(other->err(), ContainsSubstring("expects 4 ranks, but the first"));
}

CATCH_TEST_CASE("a rank that is killed or stopped is named by the others [row 82]") {
  constexpr int timeout = 12;
  for (const int number : {SIGKILL, SIGSTOP}) {
    for (const std::size_t victim : {std::size_t{0}, std::size_t{2}}) {
      Ranks ranks(3, "for_ever", timeout);
      for (std::size_t rank = 0; rank < ranks.size(); ++rank) ranks[rank].wait_for_output("begun");
      ranks[victim].signal(number);
      CATCH_INFO("signal " << number << " to rank " << victim);
      const auto* store = victim == 0 ? ", which holds the store, does not" : " does not";
      ranks.check_misses(victim,
                         "the other ranks: rank " + std::to_string(victim) + store + " answer",
                         number == SIGKILL ? 10 : timeout + 5);
    }
  }
}

CATCH_TEST_CASE("a connection that has gone ends a call, and not the process") {
  // All threads that write to sockets are those that c10d started; the program's own is as it was.
  Ranks ranks(2, "threads");
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    CATCH_CHECK(ranks[rank].wait() == 0);
    CATCH_CHECK(ranks[rank].out() == "blocked in those of c10d, open in 1\n");
  }

  std::array<int, 2> ends{};
  CATCH_REQUIRE(::pipe(ends.data()) == 0);
  ::close(ends[0]);
  sigset_t blocked;
  {
    const gradus::SigpipeBlocked guard;
    CATCH_CHECK(::write(ends[1], "x", 1) == -1);
    CATCH_CHECK(errno == EPIPE);
  }  // with the signal pending: it is taken, or this process would end here
  ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  CATCH_CHECK(::sigismember(&blocked, SIGPIPE) == 0);
  ::close(ends[1]);
}

CATCH_TEST_CASE("why a rank has ended is said by the others") {
  Ranks last(3, "last_leaves");
  last.check_misses(2, "rank 2 has ended (\"'train.bin' is cut off.\")", 10);
  CATCH_CHECK(last[2].wait() == 4);
  Ranks first(3, "first_leaves");
  first.check_misses(0, "rank 0 has ended (\"it is damaged.\")", 10);
  CATCH_CHECK(first[0].wait() == 4);
}

CATCH_TEST_CASE("a first rank that has ended without a reason is not called slow") {
  Ranks ranks(3, "first_ends");
  ranks.check_misses(0, "the other ranks: rank 0 has ended", 20);
  CATCH_CHECK(ranks[0].wait() == 0);
}

CATCH_TEST_CASE("a rank that is there but slower than the timeout is not called missing") {
  Ranks ranks(2, "last_is_slow", 5);
  CATCH_CHECK(ranks[0].wait() == 8);
  CATCH_CHECK_THAT(ranks[0].err(), ContainsSubstring("all ranks are there"));
  CATCH_CHECK(ranks[1].wait() == 8);
}

CATCH_TEST_CASE("where ranks meet is out of reach for other machines [row 88]") {
  const auto port = Port::unused();
  const auto first = started(0, 2, port, "together", 20);
  const auto hex = [](std::uint32_t number, int digits) {
    std::string text(static_cast<std::size_t>(digits), '0');
    for (auto at = text.rbegin(); at != text.rend(); ++at, number /= 16) {
      *at = "0123456789ABCDEF"[number % 16];
    }
    return text;
  };
  // As /proc has them: address, port, and state 0A for what listens.
  const auto at_port = ":" + hex(static_cast<std::uint32_t>(std::stoul(port)), 4) + " ";
  const auto listens = [&] {
    std::string found;
    for (const auto* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
      std::istringstream lines(gradus::test::text_of(table));
      for (std::string line; std::getline(lines, line);) {
        const auto begin = line.find(": ") + 2;
        const auto at = line.find(at_port);
        if (at == std::string::npos || line.find(" 0A ") == std::string::npos) continue;
        if (at < begin + 33) found += line.substr(begin, at - begin) + " ";
      }
    }
    return found;
  };
  for (int i = 0; i < 1500 && listens().empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CATCH_CHECK(listens() == "0100007F ");
}
