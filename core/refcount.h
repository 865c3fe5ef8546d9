#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace weft {

// Base of what IntrusivePtr holds. destroy() is virtual so that core can let go of objects of
// folders that it does not know (a tape node, say).
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  void add_ref() noexcept {
    // The first holder needs no read-modify-write: nobody else can reach the object.
    if (refs_.load(std::memory_order_relaxed) == 0)
      refs_.store(1, std::memory_order_relaxed);
    else
      refs_.fetch_add(1, std::memory_order_relaxed);
  }
  void release() noexcept {
    // Nor does the last.
    if (refs_.load(std::memory_order_acquire) == 1 ||
        refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      destroy();
    }
  }
  std::uint32_t use_count() const noexcept { return refs_.load(std::memory_order_acquire); }

 protected:
  virtual ~RefCounted() = default;
  virtual void destroy() noexcept = 0;

 private:
  std::atomic<std::uint32_t> refs_{0};
};

template <class T>
class IntrusivePtr {
 public:
  IntrusivePtr() = default;
  IntrusivePtr(std::nullptr_t) {}  // NOLINT
  explicit IntrusivePtr(T* p) noexcept : p_(p) {
    if (p_) p_->add_ref();
  }
  IntrusivePtr(const IntrusivePtr& o) noexcept : IntrusivePtr(o.p_) {}
  IntrusivePtr(IntrusivePtr&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  template <class Derived>
  IntrusivePtr(IntrusivePtr<Derived>&& o) noexcept  // NOLINT
      : p_(std::exchange(o.p_, nullptr)) {}
  IntrusivePtr& operator=(IntrusivePtr o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~IntrusivePtr() {
    if (p_) p_->release();
  }

  T* get() const noexcept { return p_; }
  T* operator->() const noexcept { return p_; }
  T& operator*() const noexcept { return *p_; }
  explicit operator bool() const noexcept { return p_ != nullptr; }
  void reset() noexcept { IntrusivePtr().swap(*this); }
  void swap(IntrusivePtr& o) noexcept { std::swap(p_, o.p_); }
  friend bool operator==(const IntrusivePtr&, const IntrusivePtr&) = default;

 private:
  template <class>
  friend class IntrusivePtr;
  T* p_ = nullptr;
};

}  // namespace weft
