#include <weft/data/npy.h>
#include <weft/data/safetensors.h>
#include <weft/nn/checkpoint.h>
#include <weft/nn/module.h>

#include <weft/python/src/data.h>
#include <weft/python/src/nn_module.h>

// Files of tensors, and pictures.
namespace weft::python {

namespace {

std::string path_of(const py::object& path) {
  return py::module_::import("os").attr("fspath")(path).cast<std::string>();
}

// What can be saved: a dict of tensors, or what has a state.
TensorMap tensors_of(const py::object& o) {
  const bool mapping = py::hasattr(o, "keys");
  if (!mapping && !py::hasattr(o, "state_dict")) {
    throw py::type_error("got " + std::string(Py_TYPE(o.ptr())->tp_name) +
                         ", expected a dict of tensors or an object with state_dict()");
  }
  const nn::StateDict state = to_state(mapping ? o : o.attr("state_dict")());
  return {state.begin(), state.end()};
}

py::dict to_dict(const TensorMap& map) {
  py::dict d;
  for (const auto& [name, tensor] : map) d[py::str(name)] = tensor;
  return d;
}

void save(const py::object& obj, const py::object& path, const TextMap& metadata) {
  const TensorMap tensors = tensors_of(obj);
  const std::string file = path_of(path);
  const py::gil_scoped_release released;
  save_safetensors(file, tensors, metadata);
}

std::pair<TensorMap, TextMap> read(const py::object& path) {
  const std::string file = path_of(path);
  const py::gil_scoped_release released;
  TextMap metadata;
  TensorMap tensors = load_safetensors(file, &metadata);
  return {std::move(tensors), std::move(metadata)};
}

py::object load(const py::object& path, bool with_metadata) {
  const auto [tensors, metadata] = read(path);
  if (!with_metadata) return to_dict(tensors);
  return py::make_tuple(to_dict(tensors), metadata);
}

}  // namespace

void bind_files(py::module_& m, py::module_&) {
  m.def(
      "save", &save,
      "Writes a dict of tensors, or a module's, optimiser's or schedule's state, to a safetensors "
      "file; the file is the old one or the new one, whole.",
      "obj"_a, "f"_a, "metadata"_a = TextMap());
  m.def("load", &load,
        "The tensors of a safetensors file by name; with with_metadata a pair of them and the "
        "file's texts. ParseError for a file that breaks the format.",
        "f"_a, py::kw_only(), "with_metadata"_a = false);
  m.def(
      "save_npy",
      [](const py::object& path, const Tensor& x) {
        const std::string file = path_of(path);
        const py::gil_scoped_release released;
        save_npy(file, x);
      },
      "Writes one tensor in NumPy's npy format.", "path"_a, "input"_a);
  m.def(
      "load_npy",
      [](const py::object& path) {
        const std::string file = path_of(path);
        const py::gil_scoped_release released;
        return load_npy(file);
      },
      "The array of an npy file.", "path"_a);
  m.def(
      "safetensors_to_bytes",
      [](const py::object& obj, const TextMap& metadata) {
        const auto bytes = safetensors_to_bytes(tensors_of(obj), metadata);
        return py::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      },
      "What save() writes.", "obj"_a, "metadata"_a = TextMap());
  m.def(
      "safetensors_from_bytes",
      [](const py::bytes& bytes) {
        const std::string_view view = bytes;
        return to_dict(safetensors_from_bytes(std::as_bytes(std::span(view))));
      },
      "The tensors of a safetensors file in memory.", "bytes"_a);
}

void bind_images(py::module_& m) {
  using namespace data;
  m.def(
      "read_image",
      [](const py::object& path, int channels) {
        return to_tensor(read_image(path_of(path), channels));
      },
      "A PNG or JPEG file as uint8 [channels, height, width]: 3 for colours, 1 for grey.", "path"_a,
      "channels"_a = 3);
  m.def(
      "decode_image",
      [](const py::bytes& bytes, int channels) {
        const std::string_view view = bytes;
        return to_tensor(decode_image(std::as_bytes(std::span(view)), "bytes", channels));
      },
      "The same of a file in memory.", "bytes"_a, "channels"_a = 3);
  m.def(
      "write_png",
      [](const py::object& path, const Tensor& image) {
        write_png(path_of(path), to_image(image));
      },
      "Writes uint8 [C, H, W] (C of 1 to 4) or [H, W].", "path"_a, "image"_a);
  m.def(
      "encode_png",
      [](const Tensor& image) {
        const auto bytes = encode_png(to_image(image));
        return py::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      },
      "The bytes that write_png() writes.", "image"_a);
  m.def(
      "resize",
      [](const Tensor& image, Index height, Index width) {
        return to_tensor(resize(to_image(image), height, width));
      },
      "The picture at another size: bilinear, antialiased when reducing.", "image"_a, "height"_a,
      "width"_a);
  m.def(
      "resize_to_fit",
      [](const Tensor& image, Index height, Index width) {
        return to_tensor(resize_to_fit(to_image(image), height, width));
      },
      "The largest centred part of those proportions, resized.", "image"_a, "height"_a, "width"_a);
  m.def(
      "read_contact_sheets",
      [](const py::object& folder, const std::vector<std::string>& classes, Index side, Index first,
         Index count) {
        return ImageDataset(read_contact_sheets(path_of(folder), classes, side, first, count));
      },
      "A data set from FOLDER/CLASS.jpg: the tiles [first, first + count) of side x side pixels of "
      "each.",
      "folder"_a, "classes"_a, "side"_a, "first"_a, "count"_a);
}

}  // namespace weft::python
