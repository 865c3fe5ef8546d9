#pragma once

#include <functional>

#include <weft/core/cuda_graph.h>
#include <weft/core/random.h>

// What the host decides anew for each replay of a graph. For .cpp files only.
namespace weft::cuda {

// While capturing: room for `bytes` in the device's memory, which `write` fills before each replay.
WEFT_API const void* on_replay(std::size_t bytes, std::function<void(void* to)> write);

// While capturing: where the device finds the key that a replay uses in the place of this one,
// which was drawn from the default generator since the capture began. Null for other keys and
// otherwise.
const RandomKey* replayed_key(RandomKey key);

}  // namespace weft::cuda
