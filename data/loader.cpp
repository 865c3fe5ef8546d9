#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>

#include <weft/core/check.h>
#include <weft/core/cuda_own_stream.h>
#include <weft/core/interrupt.h>
#include <weft/core/pinned.h>
#include <weft/data/loader.h>

namespace weft::data {
namespace {

using Order = std::shared_ptr<const std::vector<Index>>;

void check(const std::shared_ptr<const Dataset>& dataset, const DataLoaderOptions& o) {
  if (!dataset) fail<ValueError>("DataLoader", "got no data set");
  if (o.batch_size < 1)
    fail<ValueError>("DataLoader", "got batch_size {}, expected at least 1", o.batch_size);
  if (o.workers < 0 || o.workers > 1024) {
    fail<ValueError>("DataLoader", "got {} workers, expected 0 to 1024", o.workers);
  }
  if (o.prefetch < 1 || o.prefetch > 1024) {
    fail<ValueError>("DataLoader", "got prefetch {}, expected 1 to 1024", o.prefetch);
  }
}

Tensor make_host(bool pinned, const Shape& sizes, const Shape& strides, DType dtype) {
  return pinned ? make_pinned_tensor(sizes, strides, dtype)
                : make_tensor(sizes, strides, dtype, kCPU);
}

Tensor channels_last(bool pinned, Index count, const Picture& picture) {
  const Shape sizes{count, picture.channels, picture.height, picture.width};
  return make_host(pinned, sizes, channels_last_strides(sizes), DType::F32);
}

}  // namespace

struct DataLoader::Impl {
  struct Job {
    std::uint64_t generation, seed;
    Index number;  // epoch * batches + batch
  };
  struct Slot {
    std::optional<Batch> batch;
    std::optional<cuda::Event> arrived = {};  // on the device
    std::exception_ptr error;
    bool ready = false;
    bool again = false;  // to be made once more: memory was short, or somebody interrupted it
  };

  Impl(std::shared_ptr<const Dataset> set, Transforms list, const DataLoaderOptions& o)
      : dataset(std::move(set)), transforms(std::move(list)), options(o) {
    check(dataset, options);
    if (options.device != kCPU) side.emplace(options.device.index);
    pinned = options.pin_memory || side;
    if (pinned) make_pinned_tensor({1}, {1}, DType::U8);  // or there is no device: say so here
    const Index n = dataset->size(), b = options.batch_size;
    batches = options.drop_last ? n / b : (n + b - 1) / b;
    position.seed = options.seed;
    slots.resize(static_cast<std::size_t>(std::max(1, options.workers * options.prefetch)));
    try {
      for (int i = 0; batches && i < options.workers; ++i) threads.emplace_back([this] { work(); });
    } catch (...) {
      stop();
      throw;
    }
  }
  ~Impl() { stop(); }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    work_there.notify_all();
    for (auto& thread : threads) thread.join();
    threads.clear();
  }

  bool forked() const { return !threads.empty() && process != getpid(); }
  void check_process() const {
    if (!forked()) return;
    fail<ValueError>(
        "DataLoader",
        "got a loader of the process that this one was forked from, expected one made in "
        "this process");
  }
  Index handed_out() const { return position.epoch * batches + position.batch; }
  Slot& slot(Index number) { return slots[static_cast<std::size_t>(number) % slots.size()]; }

  // ---- Workers
  void work() {
    Picture picture;
    const detail::RegionMember member(stopping);  // an end does not wait for all of a batch
    std::unique_lock lock(mutex);
    while (true) {
      work_there.wait(lock, [this] { return stopping || room(); });
      if (stopping) return;
      const Job job{generation, position.seed, issued++};
      lock.unlock();
      Slot made = make(job, picture);
      lock.lock();
      if (job.generation != generation) continue;
      slot(job.number) = std::move(made);
      batch_there.notify_all();
    }
  }
  bool room() const { return issued < handed_out() + static_cast<Index>(slots.size()); }

  Slot make(const Job& job, Picture& picture) {
    Slot slot;
    slot.ready = true;
    try {
      slot.batch = make_batch(job, picture);
      if (side && !slot.batch->value.has_value()) send(slot);
    } catch (const OutOfMemory&) {
      slot.error = std::current_exception();
      slot.again = true;
    } catch (const Interrupted&) {
      slot.error = std::current_exception();
      slot.again = true;
    } catch (...) {
      slot.error = std::current_exception();
    }
    return slot;
  }

  void send(Slot& slot) {
    const cuda::StreamGuard guard(side->get());
    slot.batch->images = slot.batch->images.to(options.device, false, true);
    slot.batch->labels = slot.batch->labels.to(options.device, false, true);
    slot.arrived.emplace().record(side->get());
  }
  // The caller's stream has the batch from now on.
  static void receive(const Slot& slot) {
    if (!slot.arrived) return;
    const cuda::Stream stream = cuda::current_stream(slot.batch->images.device().index);
    stream.wait_event(*slot.arrived);
    slot.batch->images.record_stream(stream);
    slot.batch->labels.record_stream(stream);
  }

  Batch make_batch(const Job& job, Picture& picture) {
    const Index epoch = job.number / batches, first = job.number % batches * options.batch_size;
    const Index count = std::min(options.batch_size, dataset->size() - first);
    const auto [order_key, sample_key] =
        Key(job.seed).fold(static_cast<std::uint64_t>(epoch)).split();
    const Order order = order_of(order_key);
    Batch batch;
    batch.value = dataset->batch(std::span(*order).subspan(static_cast<std::size_t>(first),
                                                           static_cast<std::size_t>(count)));
    if (batch.value.has_value()) return batch;
    batch.labels = make_host(pinned, {count}, {1}, DType::I64);
    for (Index i = 0; i < count; ++i) {
      check_interrupt("DataLoader");
      const Index sample = (*order)[static_cast<std::size_t>(first + i)];
      batch.labels.data<std::int64_t>()[i] = dataset->get(sample, picture);
      transform(picture, sample_key.fold(static_cast<std::uint64_t>(sample)));
      put(batch, i, count, picture);
    }
    return batch;
  }

  void transform(Picture& picture, Key key) const {
    for (std::size_t t = 0; t < transforms.size(); ++t) {
      RandomStream random(key.fold(t));
      transforms[t](picture, random);
    }
  }

  void put(Batch& batch, Index i, Index count, const Picture& picture) const {
    if (i == 0) batch.images = channels_last(pinned, count, picture);
    const Shape& sizes = batch.images.sizes();
    if (sizes != Shape{count, picture.channels, picture.height, picture.width} ||
        picture.values.size() != picture.numel()) {
      fail<ShapeError>(
          "DataLoader", "got a picture of {} x {} x {}, expected {} x {} x {} as the first",
          picture.channels, picture.height, picture.width, sizes[1], sizes[2], sizes[3]);
    }
    std::ranges::copy(picture.values,
                      batch.images.data<float>() + i * static_cast<Index>(picture.numel()));
  }

  // The orders of the epochs at work: two at most.
  Order order_of(Key key) {
    const std::lock_guard lock(order_mutex);
    for (const auto& [k, order] : orders) {
      if (k == key) return order;
    }
    auto fresh = std::make_shared<std::vector<Index>>(static_cast<std::size_t>(dataset->size()));
    std::iota(fresh->begin(), fresh->end(), Index{0});
    if (options.shuffle) random_permutation(*fresh, key.random());
    if (orders.size() == 2) orders.erase(orders.begin());
    return orders.emplace_back(key, std::move(fresh)).second;
  }

  // ---- The caller
  std::optional<Batch> next() {
    check_process();
    std::unique_lock lock(mutex);
    // Another caller may take the batch that this one waits for: then it is the one after that.
    const auto ready = [&] { return position.batch == batches || slot(handed_out()).ready; };
    while (options.workers > 0 &&
           !batch_there.wait_for(lock, std::chrono::milliseconds(30), ready)) {
      check_interrupt("DataLoader");
    }
    if (position.batch == batches) {
      ++position.epoch;
      position.batch = 0;
      return {};
    }
    Slot taken;
    if (options.workers == 0) {
      taken = make({generation, position.seed, handed_out()}, own_picture);
    } else {
      taken = std::exchange(slot(handed_out()), {});
    }
    if (taken.again) {
      restart();
    } else {
      ++position.batch;
    }
    lock.unlock();
    taken.again ? work_there.notify_all() : work_there.notify_one();
    if (taken.error) std::rethrow_exception(taken.error);
    receive(taken);
    return std::move(taken.batch);
  }

  void set_state(const State& state) {
    check_process();
    if (state.epoch < 0 || state.epoch > INT32_MAX || state.batch < 0 || state.batch > batches) {
      fail<ValueError>("DataLoader", "got epoch {} and batch {}, expected a batch of 0 to {}",
                       state.epoch, state.batch, batches);
    }
    {
      const std::lock_guard lock(mutex);
      position = state;
      restart();
    }
    work_there.notify_all();
  }

  // Drops what was made ahead. With the lock held.
  void restart() {
    ++generation;
    issued = handed_out();
    for (Slot& s : slots) s = {};
  }

  std::shared_ptr<const Dataset> dataset;
  Transforms transforms;
  DataLoaderOptions options;
  Index batches = 0;
  std::optional<cuda::OwnStream> side;  // on which batches travel to the device
  bool pinned = false;

  const pid_t process = getpid();
  mutable std::mutex mutex;
  std::condition_variable work_there, batch_there;
  State position;                // what next() hands out
  Index issued = 0;              // the number of the next job
  std::uint64_t generation = 0;  // set_state starts a new one; what older jobs made is dropped
  std::vector<Slot> slots;       // batch number n waits in slot n % slots.size()
  std::atomic<bool> stopping = false;

  std::mutex order_mutex;
  std::vector<std::pair<Key, Order>> orders;
  Picture own_picture;  // for next() without workers
  std::vector<std::thread> threads;
};

DataLoader::DataLoader(std::shared_ptr<const Dataset> dataset, Transforms transforms,
                       const DataLoaderOptions& options)
    : impl_(std::make_unique<Impl>(std::move(dataset), std::move(transforms), options)) {}
DataLoader::~DataLoader() {
  if (impl_ && impl_->forked()) static_cast<void>(impl_.release());  // its threads are not here
}

Index DataLoader::size() const { return impl_->batches; }
const Dataset& DataLoader::dataset() const { return *impl_->dataset; }
std::optional<Batch> DataLoader::next() { return impl_->next(); }
void DataLoader::set_state(const State& state) { impl_->set_state(state); }
DataLoader::State DataLoader::state() const {
  impl_->check_process();
  const std::lock_guard lock(impl_->mutex);
  return impl_->position;
}

}  // namespace weft::data
