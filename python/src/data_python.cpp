#include <weft/core/interrupt.h>
#include <weft/python/src/data.h>

// Data sets, transforms and loaders where Python takes part.
namespace weft::python {

using namespace data;

PythonDataset::PythonDataset(const py::object& dataset, const py::object& collate)
    : dataset_(dataset), collate_(collate), size_(static_cast<Index>(py::len(dataset))) {}

// An error that may go to another thread.
template <class F>
static auto carried(F&& f) {
  try {
    return f();
  } catch (const PythonError&) {
    throw py::error_already_set();
  }
}

std::int64_t PythonDataset::get(Index i, Picture& picture) const {
  const py::gil_scoped_acquire lock;
  return carried([&] { return read(i, picture); });
}

std::any PythonDataset::batch(std::span<const Index> samples) const {
  const py::gil_scoped_acquire lock;
  const py::object collate = collate_.get(), dataset = dataset_.get();
  if (collate.is_none()) return {};
  py::list list;
  for (Index i : samples) {
    check_interrupt("DataLoader");
    list.append(dataset[py::int_(i)]);
  }
  return Held(collate(list));
}

std::int64_t PythonDataset::read(Index i, Picture& picture) const {
  const py::object sample = dataset_.get()[py::int_(i)];
  if (!py::isinstance<py::sequence>(sample) || py::len(sample) != 2) {
    throw py::type_error("got a sample of type " + std::string(Py_TYPE(sample.ptr())->tp_name) +
                         ", expected a pair (picture, label)");
  }
  rank_ = to_picture(sample[py::int_(0)].cast<py::object>(), picture);
  const py::object label = sample[py::int_(1)];
  return is_tensor(label.ptr()) ? tensor_of(label.ptr()).item<std::int64_t>()
                                : to_index(label.ptr());
}

namespace {

struct PythonTransform {
  Held function;
  void operator()(Picture& picture, RandomStream&) const {
    const py::gil_scoped_acquire lock;
    carried([&] { return to_picture(function.get()(to_tensor(picture)), picture); });
  }
};

}  // namespace

Transform to_transform(const py::object& f) {
  if (py::isinstance<Normalize>(f)) return f.cast<Normalize>();
  if (py::isinstance<RandomCrop>(f)) return f.cast<RandomCrop>();
  if (py::isinstance<RandomHorizontalFlip>(f)) return f.cast<RandomHorizontalFlip>();
  if (py::isinstance<Cutout>(f)) return f.cast<Cutout>();
  if (!PyCallable_Check(f.ptr())) {
    throw py::type_error("got a transform of type " + std::string(Py_TYPE(f.ptr())->tp_name) +
                         ", expected one of weft.data or a function of a picture");
  }
  return PythonTransform{Held(f)};
}

}  // namespace weft::python
