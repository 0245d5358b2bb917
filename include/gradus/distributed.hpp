/// Training by several processes: not in gradus/gradus.hpp, for it needs Gloo's headers. Link
/// gradus::distributed.
#pragma once

#include <gradus/distributed/gradient_buckets.hpp>
#include <gradus/distributed/join_ranks.hpp>
#include <gradus/policy/distribution/data_parallel.hpp>
