/// What records the work of a device and replays it: CUDA graphs, or a double of them in a test. No
/// torch header is needed here.
#pragma once

#include <gradus/compose/tensor_fwd.hpp>

#include <concepts>
#include <string>

namespace gradus {

/// A backend is made for one device and has a side stream and a private memory pool there.
///
/// - `B::obstacle(device)` says why that device records nothing; empty if it does.
/// - `b.on_side_stream(work)` runs `work()` on the side stream, after what was enqueued before and
///   before what is enqueued afterwards. The host does not wait.
/// - `b.capture(work)` calls `work()` once on the side stream and records what it enqueues, none of
///   which is run; memory comes from the pool. Other threads are not disturbed. Throws what `work`
///   throws, or what the device says to work that cannot be recorded; both leave it fit for use.
/// - `b.replay(graph)` enqueues all of it on the current stream, at the same addresses, with the
///   same numbers from the host.
///
/// Graphs share the pool, so nothing in it may be used once another graph has been replayed.
template <class B>
concept GraphBackend =
    requires(B& backend, typename B::Graph& graph, const c10::Device& device, void (&work)()) {
      { B::obstacle(device) } -> std::convertible_to<std::string>;
      B(device);
      backend.on_side_stream(work);
      { backend.capture(work) } -> std::same_as<typename B::Graph>;
      backend.replay(graph);
    };

}  // namespace gradus
