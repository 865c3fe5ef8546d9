#pragma once

#include <weft/core/allocator.h>
#include <weft/python/src/caster.h>

// What the allocators tell, as Python's dictionaries.
namespace weft::python {

py::dict stats_dict(const MemoryStats& stats);
py::list snapshot_list(Device device);

}  // namespace weft::python
