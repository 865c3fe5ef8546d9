#pragma once

#include <weft/data/image.h>
#include <weft/data/loader.h>
#include <weft/python/src/caster.h>
#include <weft/python/src/held.h>

#include <atomic>
#include <mutex>
#include <unordered_set>

// Data sets, loaders and files, as Python sees them: a picture is a tensor [channels, height,
// width].
namespace weft::python {

// ---- Pictures (data_picture.cpp)

// A float tensor over a copy of the values.
Tensor to_tensor(const data::Picture& picture);
// From a tensor or array [C, H, W], [H, W] or [n]: floats as they are, unsigned bytes / 255. What
// is no such thing is a TypeError. Returns its rank.
int to_picture(const py::handle& image, data::Picture& picture);
Tensor to_tensor(const data::Image& image);
data::Image to_image(const Tensor& t);

// ---- What Python wrote (data_python.cpp)

// A data set of Python: any object with __len__ and __getitem__. Its batches are Held objects that
// `collate` makes of lists of samples; where it is None, samples are pairs of picture and label.
class PythonDataset : public data::Dataset {
 public:
  PythonDataset(const py::object& dataset, const py::object& collate);
  Index size() const override { return size_; }
  std::int64_t get(Index i, data::Picture& picture) const override;
  std::any batch(std::span<const Index> samples) const override;
  // The dimensions of a sample, once one was read.
  int rank() const { return rank_; }

 private:
  std::int64_t read(Index i, data::Picture& picture) const;
  Held dataset_, collate_;
  Index size_;
  mutable std::atomic<int> rank_ = 3;
};

// A transform of C++, or any function that takes a picture and returns one.
data::Transform to_transform(const py::object& f);

class LoaderIterator;

// A loader that Python holds. Loops over it share one loader of C++, whose position is state(); a
// loop that begins while another is at work has one of its own.
class Loader {
 public:
  // collate_fn: of a data set of Python, or None.
  Loader(py::object dataset, const py::object& transforms, const data::DataLoaderOptions& options,
         py::object collate_fn);
  ~Loader() { close(); }
  void close() noexcept;
  data::DataLoader& get() const;
  // The next loop goes on from the position: it was set, not left there by a loop that ended early.
  void go_on() { goes_on_ = true; }
  const py::object& dataset() const { return dataset_; }
  const data::DataLoaderOptions& options() const { return options_; }

 private:
  friend class LoaderIterator;
  std::unique_ptr<data::DataLoader> make() const;
  void begin_epoch();
  // In the shape that the samples had.
  data::Batch shaped(data::Batch batch) const;

  py::object dataset_;
  std::shared_ptr<const PythonDataset> python_;
  std::shared_ptr<const data::Dataset> set_;
  data::Transforms transforms_;
  data::DataLoaderOptions options_;
  std::unique_ptr<data::DataLoader> loader_;
  bool goes_on_ = true;
  LoaderIterator* at_work_ = nullptr;         // the loop that has loader_
  std::unordered_set<LoaderIterator*> rest_;  // those with loaders of their own
  std::uint64_t others_ = 0;                  // how many of them there were
};

// A loop over a loader: one epoch.
class LoaderIterator {
 public:
  explicit LoaderIterator(py::object loader);
  ~LoaderIterator() { finish(); }
  LoaderIterator(const LoaderIterator&) = delete;
  LoaderIterator& operator=(const LoaderIterator&) = delete;
  std::optional<data::Batch> next();
  const Loader& loader() const { return loader_; }

 private:
  friend class Loader;
  void finish() noexcept;

  py::object held_;
  Loader& loader_;
  std::unique_ptr<data::DataLoader> own_;
  bool done_ = false;
  std::timed_mutex turn_;
  bool ended_ = false;  // by it
};

void bind_datasets(py::module_& data);
void bind_transforms(py::module_& data);
void bind_loader(py::module_& data);
void bind_files(py::module_& m, py::module_& data);
void bind_images(py::module_& data);
void bind_checkpoint(py::module_& m);

}  // namespace weft::python
