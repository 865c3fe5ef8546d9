#include <weft/ops/make.h>

#include <weft/python/src/data.h>
#include <weft/python/src/part.h>

// weft.data: data sets, transforms, the loader.
namespace weft::python {

using namespace data;

namespace {

py::tuple sample(const Dataset& d, Index i) {
  const Index n = d.size();
  if (i < -n || i >= n)
    throw py::index_error("got index " + std::to_string(i) + " in a set of " + std::to_string(n));
  Picture picture;
  const std::int64_t label = d.get(i < 0 ? i + n : i, picture);
  return py::make_tuple(to_tensor(picture), label);
}

Tensor pixels_of(const ImageDataset& d) {
  const ImageSet& s = d.images();
  return tensor(s.pixels).reshape({s.size(), s.height, s.width, s.channels}).permute({0, 3, 1, 2});
}

ImageDataset from_tensors(const Tensor& images, const Tensor& labels,
                          std::vector<std::string> classes) {
  const Tensor x = images.permute({0, 2, 3, 1}).contiguous();
  ImageSet set{x.size(3),
               x.size(1),
               x.size(2),
               x.to_vector<std::uint8_t>(),
               labels.to(DType::I64).to_vector<std::int64_t>(),
               std::move(classes)};
  if (set.size() != x.size(0)) throw py::value_error("got images and labels of different counts");
  return ImageDataset(std::move(set));
}

template <class D>
void bind_files_set(py::module_& m, const char* name, const char* doc) {
  py::classh<D, ImageDataset>(m, name, doc)
      .def(py::init<const std::string&, bool>(), "root"_a, "train"_a = true, Released());
}

}  // namespace

void bind_datasets(py::module_& m) {
  py::classh<Dataset>(m, "_Dataset", "Pictures with labels.")
      .def("__len__", &Dataset::size)
      .def("__getitem__", &sample, "index"_a);
  py::classh<ImageDataset, Dataset>(m, "ImageDataset",
                                    "ImageDataset(images, labels, classes=())\n\n"
                                    "Pictures in memory: uint8 [N, C, H, W] and N integers. A "
                                    "sample is (float [C, H, W] in [0, 1], label).\n\n"
                                    ">>> images = weft.zeros(4, 3, 8, 8, dtype=weft.uint8)\n"
                                    ">>> pictures = weft.data.ImageDataset(images, weft.tensor([0, "
                                    "1, 0, 1]), [\"cat\", \"dog\"])\n"
                                    ">>> len(pictures), pictures.classes\n"
                                    "(4, ['cat', 'dog'])\n"
                                    ">>> picture, label = pictures[1]\n"
                                    ">>> picture.shape, picture.dtype, label\n"
                                    "(weft.Size([3, 8, 8]), weft.float32, 1)")
      .def(py::init(&from_tensors), "images"_a, "labels"_a,
           "classes"_a = std::vector<std::string>())
      .def_property_readonly("images", &pixels_of, "uint8 [N, C, H, W], a copy.")
      .def_property_readonly(
          "labels", [](const ImageDataset& d) { return tensor(d.images().labels); }, "int64 [N].")
      .def_property_readonly("classes", &ImageDataset::classes, "The labels' names.")
      .def("first", &ImageDataset::first,
           "A data set of the first pictures, all if there are fewer.", "count"_a)
      .def(
          "fingerprint", [](const ImageDataset& d) { return d.images().fingerprint(); },
          "The number of pictures and a number that differs with pixels and labels.");
  bind_files_set<CIFAR10>(
      m, "CIFAR10",
      "CIFAR10(root, train=True)\n\nroot: cifar-10-binary.tar.gz, its folder, or "
      "a folder with one of them.");
  bind_files_set<MNIST>(
      m, "MNIST",
      "MNIST(root, train=True)\n\nroot: a folder with the idx files, plain or .gz, "
      "also in raw/ or MNIST/raw/.");
  py::classh<CIFAR100, ImageDataset>(
      m, "CIFAR100",
      "CIFAR100(root, train=True, coarse=False)\n\nA hundred classes, "
      "or the twenty coarse ones; root as CIFAR10's.")
      .def(py::init<const std::string&, bool, bool>(), "root"_a, "train"_a = true,
           "coarse"_a = false, Released());
}

namespace {

// A transform called by hand: with numbers of a seed.
template <class T>
Tensor apply(const T& f, const Tensor& picture, std::uint64_t seed) {
  Picture p;
  to_picture(py::cast(picture), p);
  RandomStream random{Key(seed)};
  f(p, random);
  return to_tensor(p);
}

template <class T>
py::class_<T> transform_class(py::module_& m, const char* name, const char* doc) {
  py::class_<T> c(m, name, doc);
  c.def("__call__", &apply<T>,
        "The picture [C, H, W] after the transform, with random numbers of that seed.", "picture"_a,
        "seed"_a = 0);
  return c;
}

}  // namespace

void bind_transforms(py::module_& m) {
  transform_class<Normalize>(m, "Normalize",
                             "(value - mean) / std, one of each for every channel.\n\n"
                             ">>> weft.data.Normalize([0.5], [0.25])(weft.ones(1, 1, 1))\n"
                             "tensor([[[2.]]])")
      .def(py::init<std::vector<float>, std::vector<float>>(), "mean"_a, "std"_a);
  transform_class<RandomCrop>(
      m, "RandomCrop",
      "A part of size x size pixels, anywhere in the picture with padding pixels added on each "
      "side: of value fill, or mirrored (padding_mode \"reflect\").\n\n"
      ">>> weft.data.RandomCrop(32, padding=4)(weft.zeros(3, 32, 32), seed=1).shape\n"
      "weft.Size([3, 32, 32])")
      .def(py::init([](Index size, Index padding, const std::string& mode, float fill) {
             if (mode != "constant" && mode != "reflect") {
               throw py::value_error("got padding_mode \"" + mode +
                                     "\", expected constant or reflect");
             }
             const bool constant = mode == "constant";
             return RandomCrop(
                 size, padding,
                 constant ? RandomCrop::Padding::Constant : RandomCrop::Padding::Reflect, fill);
           }),
           "size"_a, "padding"_a = 0, "padding_mode"_a = "constant", "fill"_a = 0.0f);
  transform_class<RandomHorizontalFlip>(
      m, "RandomHorizontalFlip",
      "Left and right swapped with probability p.\n\n"
      ">>> weft.data.RandomHorizontalFlip(p=1.0)(weft.tensor([[[1.0, 2.0, 3.0]]]))\n"
      "tensor([[[3., 2., 1.]]])")
      .def(py::init<double>(), "p"_a = 0.5);
  transform_class<Cutout>(m, "Cutout",
                          "A square of size x size pixels about a random pixel set to fill "
                          "(DeVries and Taylor 2017).\n\n"
                          ">>> weft.data.Cutout(4)(weft.ones(1, 8, 8), seed=1).min()\n"
                          "tensor(0.)")
      .def(py::init<Index, float>(), "size"_a, "fill"_a = 0.0f);
}

void bind_data(py::module_& m) {
  py::module_ data = add_part(m, "data", "weft.data", "Data sets, transforms, the loader.");
  bind_datasets(data);
  bind_transforms(data);
  bind_loader(data);
  bind_images(data);
  bind_files(m, data);
  bind_checkpoint(m);
}

}  // namespace weft::python
