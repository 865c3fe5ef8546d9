#pragma once

#include <weft/core/cuda_plugin.h>

// What libweft gives, and what all that waits for the device does first and last. For .cpp files of
// cuda/ and its simulation.
namespace weft::cuda {

extern Host host;  // set when the library is opened

// Throws where the thread captures a graph, which cannot wait.
void refuse_in_capture(const char* op);
// Throws the first index out of range that a kernel noted since the last report.
void report_fault(const char* op);
// The thread's device, where it is the one that CUDA has set, too; -1: another library has set that
// since, and operations must set it anew.
int settled(int actual) noexcept;
// Whether WEFT_CUDA_SYNC=1 asks for that after each launch; never while a graph is captured.
bool waits_at_launch();

}  // namespace weft::cuda
