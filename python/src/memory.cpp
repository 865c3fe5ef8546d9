#include <weft/python/src/memory.h>

namespace weft::python {

py::dict stats_dict(const MemoryStats& s) {
  py::dict d;
  d["in_use"] = s.in_use;
  d["peak_in_use"] = s.peak_in_use;
  d["reserved"] = s.reserved;
  d["peak_reserved"] = s.peak_reserved;
  d["cached"] = s.cached();
  d["limit"] = s.limit;
  d["allocs"] = s.allocs;
  d["frees"] = s.frees;
  d["source_allocs"] = s.source_allocs;
  d["source_frees"] = s.source_frees;
  d["retries"] = s.retries;
  d["failures"] = s.failures;
  return d;
}

namespace {

py::dict block_dict(const MemoryBlock& b) {
  constexpr const char* states[] = {"in_use", "pending", "cached", "small"};
  py::dict d;
  d["address"] = reinterpret_cast<std::uintptr_t>(b.data);
  d["bytes"] = b.bytes;
  d["requested"] = b.requested;
  d["state"] = states[static_cast<int>(b.state)];
  d["private_pool"] = b.private_pool;
  d["segment"] = reinterpret_cast<std::uintptr_t>(b.segment);
  d["segment_bytes"] = b.segment_bytes;
  return d;
}

}  // namespace

py::list snapshot_list(Device device) {
  py::list blocks;
  for (const MemoryBlock& b : memory_snapshot(device)) blocks.append(block_dict(b));
  return blocks;
}

}  // namespace weft::python
