#pragma once

#include <weft/ops/kernels.h>

// Kernels that move elements to and from places named by index tensors; see ops/kernels.h.
namespace weft::cpu {

void gather(const View& out, const View& x, int dim, const View& index);
void scatter(const View& out, int dim, const View& index, const View& source, bool accumulate);
void take(const View& out, const View& x, const Chosen& chosen);
void put(const View& out, const Chosen& chosen, const View& source, bool accumulate);
bool within(const char* op, const View& index, Index low, Index high, const Index* also);
void nonzero(const View& x, NonzeroRoom* room, void* context);
void order(const View& out, const View& x, bool descending);

}  // namespace weft::cpu
