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

[[noreturn]] void refuse(const py::handle& o, const std::string& what, const char* expected) {
  throw py::type_error("[save] got " + std::string(Py_TYPE(o.ptr())->tp_name) + what +
                       ", expected " + expected);
}

// What can be saved: a dict of tensors, or what has a state.
TensorMap tensors_of(const py::object& o) {
  const bool mapping = py::hasattr(o, "keys");
  if (!mapping && !py::hasattr(o, "state_dict"))
    refuse(o, "", "a dict of tensors or an object with state_dict()");
  const py::object all = mapping ? o : py::object(o.attr("state_dict")());
  TensorMap tensors;
  for (const py::handle name : all) {
    if (!py::isinstance<py::str>(name)) refuse(name, " as a tensor's name", "a str");
    const py::object value = all[name];
    if (!is_tensor(value.ptr()))
      refuse(value, " under " + py::repr(name).cast<std::string>(), "a tensor");
    tensors.emplace(name.cast<std::string>(), tensor_of(value.ptr()));
  }
  return tensors;
}

py::dict to_dict(const TensorMap& map) {
  py::dict d;
  for (const auto& [name, tensor] : map) d[py::str(name)] = tensor;
  return d;
}

void save(const py::object& obj, const py::object& path, const TextMap& metadata) {
  const TensorMap tensors = tensors_of(obj);
  if (py::hasattr(path, "write")) {
    const auto bytes = safetensors_to_bytes(tensors, metadata);
    path.attr("write")(py::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    return;
  }
  const std::string file = path_of(path);
  const py::gil_scoped_release released;
  save_safetensors(file, tensors, metadata);
}

std::pair<TensorMap, TextMap> read(const py::object& path) {
  if (py::hasattr(path, "read")) {
    const py::object given = path.attr("read")();
    if (!py::isinstance<py::bytes>(given)) {
      throw py::type_error("[load] got " + std::string(Py_TYPE(given.ptr())->tp_name) +
                           " from the file, expected bytes: open it in binary mode");
    }
    const std::string_view bytes = given.cast<py::bytes>();
    TextMap metadata;
    TensorMap tensors = safetensors_from_bytes(std::as_bytes(std::span(bytes)), &metadata);
    return {std::move(tensors), std::move(metadata)};
  }
  const std::string file = path_of(path);
  const py::gil_scoped_release released;
  TextMap metadata;
  TensorMap tensors = load_safetensors(file, &metadata);
  return {std::move(tensors), std::move(metadata)};
}

py::object load(const py::object& path, const std::optional<Device>& map_location, bool,
                bool with_metadata) {
  auto [tensors, metadata] = read(path);
  if (map_location) {
    for (auto& [name, tensor] : tensors) tensor = tensor.to(*map_location);
  }
  if (!with_metadata) return to_dict(tensors);
  return py::make_tuple(to_dict(tensors), metadata);
}

}  // namespace

void bind_files(py::module_& m, py::module_&) {
  m.def("save", &save,
        "Writes a dict of tensors, or a module's, optimiser's or schedule's state, to a "
        "safetensors file; the file is the old one or the new one, whole. TypeError for other "
        "objects, IOError where the file cannot be written. f: a path, or a file opened in binary "
        "mode.\n\n"
        ">>> weft.save({\"w\": weft.ones(2), \"b\": weft.zeros(1)}, \"model.safetensors\")\n"
        ">>> sorted(weft.load(\"model.safetensors\"))\n"
        "['b', 'w']",
        "obj"_a, "f"_a, "metadata"_a = TextMap());
  m.def("load", &load,
        "The tensors of a safetensors file by name; with with_metadata a pair of them and the "
        "file's texts. ParseError for a file that breaks the format.\n\n"
        "f: a path, or a file opened in binary mode. map_location: the device that they go to. "
        "weights_only: there is nothing else in such a file.\n\n"
        ">>> weft.save({\"w\": weft.ones(2)}, \"model.safetensors\", {\"made by\": \"me\"})\n"
        ">>> weft.load(\"model.safetensors\")\n"
        "{'w': tensor([1., 1.])}\n"
        ">>> tensors, texts = weft.load(\"model.safetensors\", with_metadata=True)\n"
        ">>> texts\n"
        "{'made by': 'me'}",
        "f"_a, "map_location"_a = py::none(), py::kw_only(), "weights_only"_a = true,
        "with_metadata"_a = false);
  m.def(
      "save_npy",
      [](const py::object& path, const Tensor& x) {
        const std::string file = path_of(path);
        const py::gil_scoped_release released;
        save_npy(file, x);
      },
      "Writes one tensor in NumPy's npy format.\n\n"
      ">>> weft.save_npy(\"x.npy\", weft.tensor([1, 2]))\n"
      ">>> import numpy as np\n"
      ">>> np.load(\"x.npy\")\n"
      "array([1, 2])",
      "path"_a, "input"_a);
  m.def(
      "load_npy",
      [](const py::object& path) {
        const std::string file = path_of(path);
        const py::gil_scoped_release released;
        return load_npy(file);
      },
      "The array of an npy file. ParseError for a file that breaks the format.\n\n"
      ">>> weft.save_npy(\"x.npy\", weft.tensor([1, 2]))\n"
      ">>> weft.load_npy(\"x.npy\")\n"
      "tensor([1, 2])",
      "path"_a);
  m.def(
      "safetensors_to_bytes",
      [](const py::object& obj, const TextMap& metadata) {
        const auto bytes = safetensors_to_bytes(tensors_of(obj), metadata);
        return py::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      },
      "What save() writes.\n\n"
      ">>> weft.safetensors_to_bytes({\"w\": weft.ones(2)})[8:16]\n"
      "b'{\"w\":{\"d'",
      "obj"_a, "metadata"_a = TextMap());
  m.def(
      "safetensors_from_bytes",
      [](const py::bytes& bytes) {
        const std::string_view view = bytes;
        return to_dict(safetensors_from_bytes(std::as_bytes(std::span(view))));
      },
      "The tensors of a safetensors file in memory. ParseError for what is none.\n\n"
      ">>> weft.safetensors_from_bytes(weft.safetensors_to_bytes({\"w\": weft.ones(2)}))\n"
      "{'w': tensor([1., 1.])}",
      "bytes"_a);
}

void bind_images(py::module_& m) {
  using namespace data;
  m.def(
      "read_image",
      [](const py::object& path, int channels) {
        return to_tensor(read_image(path_of(path), channels));
      },
      "A PNG or JPEG file as uint8 [channels, height, width]: 3 for colours, 1 for grey. "
      "ParseError for a file that is neither.\n\n"
      ">>> weft.data.write_png(\"dot.png\", weft.full((3, 1, 1), 7, dtype=weft.uint8))\n"
      ">>> weft.data.read_image(\"dot.png\").flatten()\n"
      "tensor([7, 7, 7], dtype=weft.uint8)",
      "path"_a, "channels"_a = 3);
  m.def(
      "decode_image",
      [](const py::bytes& bytes, int channels) {
        const std::string_view view = bytes;
        return to_tensor(decode_image(std::as_bytes(std::span(view)), "bytes", channels));
      },
      "The picture of a PNG or JPEG file in memory, as read_image() gives it. uint8 [channels, "
      "height, width]; ParseError for what is neither PNG nor JPEG.\n\n"
      ">>> weft.data.decode_image(weft.data.encode_png(weft.zeros(1, 2, 3, dtype=weft.uint8)), "
      "1).shape\n"
      "weft.Size([1, 2, 3])",
      "bytes"_a, "channels"_a = 3);
  m.def(
      "write_png",
      [](const py::object& path, const Tensor& image) {
        write_png(path_of(path), to_image(image));
      },
      "Writes uint8 [C, H, W] (C of 1 to 4) or [H, W]. TypeError for others.\n\n"
      ">>> weft.data.write_png(\"grey.png\", weft.zeros(4, 4, dtype=weft.uint8))",
      "path"_a, "image"_a);
  m.def(
      "encode_png",
      [](const Tensor& image) {
        const auto bytes = encode_png(to_image(image));
        return py::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      },
      "The bytes that write_png() writes.\n\n"
      ">>> weft.data.encode_png(weft.zeros(4, 4, dtype=weft.uint8))[:8]\n"
      "b'\\x89PNG\\r\\n"
      "\\x1a\\n"
      "'",
      "image"_a);
  m.def(
      "resize",
      [](const Tensor& image, Index height, Index width) {
        return to_tensor(resize(to_image(image), height, width));
      },
      "The picture at another size: bilinear, antialiased when reducing. uint8 [C, H, W] both.\n\n"
      ">>> weft.data.resize(weft.zeros(3, 8, 8, dtype=weft.uint8), 4, 6).shape\n"
      "weft.Size([3, 4, 6])",
      "image"_a, "height"_a, "width"_a);
  m.def(
      "resize_to_fit",
      [](const Tensor& image, Index height, Index width) {
        return to_tensor(resize_to_fit(to_image(image), height, width));
      },
      "The largest centred part of those proportions, resized. uint8 [C, H, W] both.\n\n"
      ">>> weft.data.resize_to_fit(weft.zeros(3, 8, 16, dtype=weft.uint8), 4, 4).shape\n"
      "weft.Size([3, 4, 4])",
      "image"_a, "height"_a, "width"_a);
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
