#pragma once

#include <any>
#include <cstdint>
#include <memory>
#include <optional>

#include <weft/core/tensor.h>
#include <weft/data/dataset.h>
#include <weft/data/transforms.h>

namespace weft::data {

struct Batch {
  Tensor images;        // f32, N x C x H x W, channels-last in memory
  Tensor labels;        // i64, N
  std::any value = {};  // what Dataset::batch() made, in place of the two
  Index size() const { return labels.size(0); }
};

struct DataLoaderOptions {
  Index batch_size = 1;
  bool shuffle = false;
  bool drop_last = false;  // leave out a last batch of fewer pictures
  int workers = 1;         // threads that make batches; 0: next() makes them itself
  int prefetch = 2;        // batches made ahead, for each worker
  std::uint64_t seed = 0;  // of the order and of the transforms
  // Batches in memory that CUDA devices read by themselves, or on such a device: sent there as soon
  // as they are made, on a stream of the loader's own, which next() lets the current stream wait
  // for.
  bool pin_memory = false;
  Device device = kCPU;
};

// Batches of a data set, epoch after epoch, made by worker threads that sleep when there is nothing
// to do. The order of epoch e is the random permutation of child 0 of Key(seed).fold(e); sample i
// is transformed with child i of that key's child 1, each transform with a child of its own. So the
// batches depend on the data set, the seed and the position alone, for any number of workers.
//
//   for (const Batch& batch : loader) ...  runs to the end of the epoch and on to the next epoch.
class WEFT_API DataLoader {
 public:
  // ValueError for an option out of range. A data set without a batch has epochs without batches.
  DataLoader(std::shared_ptr<const Dataset> dataset, Transforms transforms,
             const DataLoaderOptions& options);
  template <class D>
  requires std::is_base_of_v<Dataset, D> DataLoader(D dataset, Transforms transforms,
                                                    const DataLoaderOptions& options)
      : DataLoader(std::make_shared<const D>(std::move(dataset)), std::move(transforms), options) {}
  ~DataLoader();
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  // Batches in an epoch, and pictures.
  Index size() const;
  const Dataset& dataset() const;

  // The next batch of the epoch; nothing at its end, after which the next epoch begins. Rethrows
  // what the data set or a transform threw, with the position after that batch, and OutOfMemory
  // with the position before it: the same batch can be asked for again. One caller at a time.
  std::optional<Batch> next();

  // What a checkpoint keeps: the next batch to come.
  struct State {
    std::uint64_t seed = 0;
    Index epoch = 0, batch = 0;
    friend bool operator==(const State&, const State&) = default;
  };
  State state() const;
  // Goes on from there. ValueError if the position does not exist; the seed becomes the state's.
  void set_state(const State& state);

  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(DataLoader* loader) : loader_(loader) { ++*this; }
    const Batch& operator*() const { return *batch_; }
    const Batch* operator->() const { return &*batch_; }
    Iterator& operator++() {
      batch_.reset();  // its memory serves for the next
      batch_ = loader_->next();
      return *this;
    }
    bool operator==(std::nullptr_t) const { return !batch_; }

   private:
    DataLoader* loader_;
    std::optional<Batch> batch_;
  };
  Iterator begin() { return Iterator(this); }
  std::nullptr_t end() const { return nullptr; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::data
