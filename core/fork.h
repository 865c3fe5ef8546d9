#pragma once

// For .cpp files only: what fork() needs. A child has the calling thread alone: locks that another
// thread held would stay locked in it, and OpenMP's workers are gone.
namespace weft::detail {

// Held while a process forks.
void lock_small_store() noexcept;
void unlock_small_store() noexcept;
void lock_generators() noexcept;
void unlock_generators() noexcept;

// Whether this is the child of a process that used CUDA, which does not work here: what belongs to
// a device is neither used nor freed.
bool cuda_left_behind() noexcept;

// In the child of a process that had threads at work: one thread from now on.
void keep_one_thread() noexcept;

}  // namespace weft::detail
