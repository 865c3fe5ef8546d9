#pragma once

#include <weft/data/image.h>
#include <weft/data/loader.h>
#include <weft/python/src/caster.h>
#include <weft/python/src/held.h>

#include <atomic>

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

// A loader that Python holds: it lets go of the interpreter's lock while it waits for its threads.
class Loader {
 public:
  // collate_fn: of a data set of Python, or None.
  Loader(py::object dataset, const py::object& transforms, const data::DataLoaderOptions& options,
         py::object collate_fn);
  ~Loader() { close(); }
  void close() noexcept;
  data::DataLoader& get() const;
  std::optional<data::Batch> next();
  const py::object& dataset() const { return dataset_; }
  const data::DataLoaderOptions& options() const { return options_; }

 private:
  py::object dataset_;
  std::shared_ptr<const PythonDataset> python_;
  data::DataLoaderOptions options_;
  std::unique_ptr<data::DataLoader> loader_;
};

void bind_datasets(py::module_& data);
void bind_transforms(py::module_& data);
void bind_loader(py::module_& data);
void bind_files(py::module_& m, py::module_& data);
void bind_images(py::module_& data);
void bind_checkpoint(py::module_& m);

}  // namespace weft::python
