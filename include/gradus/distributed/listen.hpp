/// A socket for the store in which processes meet.
#pragma once

#include <gradus/error.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace gradus {

namespace detail {

inline bool is_loopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* four = reinterpret_cast<const sockaddr_in*>(address);
    return ntohl(four->sin_addr.s_addr) >> 24 == 127;
  }
  const auto* six = reinterpret_cast<const sockaddr_in6*>(address);
  return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

}  // namespace detail

/// Listens at `address` alone: c10d's store would at every address of the machine, and it asks
/// nobody who he is. Throws DistributedError if it cannot, or if that is loopback where ranks of
/// other machines are to come. The caller closes it.
[[nodiscard]] inline int listen_at(const std::string& address, std::uint16_t port, bool is_local) {
  const auto refused = [&](const std::string& reason) {
    return DistributedError("rank 0 cannot listen at " + address + ":" + std::to_string(port) +
                            ", where the processes are to meet: " + reason +
                            "; set MASTER_ADDR to an address of this machine and MASTER_PORT to a "
                            "port that is free.");
  };
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const auto unknown =
      ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (unknown != 0) throw refused(::gai_strerror(unknown));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, &::freeaddrinfo);
  int error = 0;
  for (const auto* one = all.get(); one != nullptr; one = one->ai_next) {
    if (!is_local && detail::is_loopback(one->ai_addr)) {
      throw refused(
          "on this machine that name is its loopback address, which other machines cannot reach");
    }
    const int made = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
    const int yes = 1;
    if (made >= 0 && ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        ::bind(made, one->ai_addr, one->ai_addrlen) == 0 && ::listen(made, SOMAXCONN) == 0) {
      return made;
    }
    error = errno;
    if (made >= 0) ::close(made);
  }
  throw refused(std::generic_category().message(error));
}

}  // namespace gradus
