#include <weft/ops/blend.h>
#include <weft/ops/grid.h>
#include <weft/python/src/operations_sets.h>

// Grids and triangles, and numbers in place of those that are none.
namespace weft::python {
namespace {

// f(a, b, ...) and f([a, b, ...]).
std::vector<Tensor> tensors_of(const char* name, const py::args& args) {
  py::sequence all = args;
  if (args.size() == 1 && (py::isinstance<py::list>(args[0]) || py::isinstance<py::tuple>(args[0])))
    all = args[0];
  std::vector<Tensor> tensors;
  for (const auto& t : all) {
    if (!is_tensor(t.ptr())) throw py::type_error(std::string(name) + "(): expected tensors");
    tensors.push_back(tensor_of(t.ptr()));
  }
  return tensors;
}

void bind_triangles(py::module_& m) {
  def_both(m, "tril", &tril,
           "Matrices (the last two dims) with 0 above a diagonal: 0 is the main one, positive ones "
           "are above it.\n\n"
           ">>> weft.tril(weft.ones(2, 3))\n"
           "tensor([[1., 0., 0.],\n"
           "        [1., 1., 0.]])",
           input(), "diagonal"_a = 0, Released());
  def_both(m, "triu", &triu,
           "Matrices (the last two dims) with 0 below a diagonal: 0 is the main one, positive ones "
           "are above it.\n\n"
           ">>> weft.triu(weft.ones(2, 3), diagonal=1)\n"
           "tensor([[0., 1., 1.],\n"
           "        [0., 0., 1.]])",
           input(), "diagonal"_a = 0, Released());
  def_method("tril_", &tril_, "tril() in place.", "diagonal"_a = 0, Released());
  def_method("triu_", &triu_, "triu() in place.", "diagonal"_a = 0, Released());
  const auto indices = [&](const char* name, auto f, const char* doc) {
    m.def(
        name,
        [f](Index rows, Index columns, Index offset, std::optional<DType> dtype,
            std::optional<Device> device) {
          return f(rows, columns, offset,
                   Options(dtype.value_or(DType::I64)).device(device.value_or(kCPU)));
        },
        doc, "row"_a, "col"_a, "offset"_a = 0, py::kw_only(), no_dtype(), "device"_a = py::none(),
        Released());
  };
  indices("tril_indices", &tril_indices,
          "Rows and columns of the elements on and below a diagonal, int64 [2, n].\n\n"
          ">>> weft.tril_indices(2, 3)\n"
          "tensor([[0, 1, 1],\n"
          "        [0, 0, 1]])");
  indices("triu_indices", &triu_indices,
          "Rows and columns of the elements on and above a diagonal, int64 [2, n].\n\n"
          ">>> weft.triu_indices(2, 2)\n"
          "tensor([[0, 0, 1],\n"
          "        [0, 1, 1]])");
}

void bind_at_least(py::module_& m) {
  const auto one = [&](const char* name, Tensor (*f)(const Tensor&), const char* doc) {
    m.def(
        name,
        [name, f](const py::args& args) -> py::object {
          std::vector<Tensor> tensors = tensors_of(name, args);
          for (Tensor& t : tensors) t = f(t);
          if (args.size() == 1 && is_tensor(args[0].ptr())) return py::cast(tensors[0]);
          return py::tuple(py::cast(tensors));
        },
        doc);
  };
  one("atleast_1d", &atleast_1d,
      "A number as a vector of one, a view; all else as it is. Of several tensors a tuple.\n\n"
      ">>> weft.atleast_1d(weft.tensor(3))\n"
      "tensor([3])");
  one("atleast_2d", &atleast_2d,
      "A vector as a matrix of one row, a view; matrices and more as they are. Of several tensors "
      "a tuple.\n\n"
      ">>> weft.atleast_2d(weft.tensor([1, 2]))\n"
      "tensor([[1, 2]])");
  one("atleast_3d", &atleast_3d,
      "A vector as [1, n, 1], a matrix as [n, m, 1], views; all else as it is. Of several tensors "
      "a tuple.\n\n"
      ">>> weft.atleast_3d(weft.ones(2, 3)).shape\n"
      "weft.Size([2, 3, 1])");
}

}  // namespace

void bind_grids(py::module_& m) {
  m.def(
      "meshgrid",
      [](const py::args& args, const std::string& indexing) {
        return py::tuple(py::cast(meshgrid(tensors_of("meshgrid", args), indexing.c_str())));
      },
      "meshgrid(*tensors): of vectors the coordinates of all combinations, views. With indexing "
      "'ij' dimension i goes along vector i; with 'xy' the first two change places.\n\n"
      ">>> weft.meshgrid(weft.tensor([1, 2]), weft.tensor([3, 4, 5]))[0]\n"
      "tensor([[1, 1, 1],\n"
      "        [2, 2, 2]])",
      py::kw_only(), "indexing"_a = "ij");
  bind_triangles(m);
  bind_at_least(m);
  def_both(m, "nan_to_num", &nan_to_num,
           "Numbers in place of NaN and the infinities: nan, posinf and neginf, for these the "
           "largest and smallest of the dtype unless given. Integers stay as they are.\n\n"
           ">>> weft.nan_to_num(weft.tensor([float(\"nan\"), float(\"inf\"), 1.0]), posinf=9)\n"
           "tensor([0., 9., 1.])",
           input(), "nan"_a = 0.0, "posinf"_a = py::none(), "neginf"_a = py::none(), Released());
  def_method("nan_to_num_", &nan_to_num_, "nan_to_num() in place.", "nan"_a = 0.0,
             "posinf"_a = py::none(), "neginf"_a = py::none(), Released());
  def_both(m, "log2", &weft::log2,
           "The logarithm to base 2, exact for powers of 2; of bool and integers float32.\n\n"
           ">>> weft.log2(weft.tensor([1.0, 8.0]))\n"
           "tensor([0., 3.])",
           input(), Released());
  def_method("log2_", &log2_, "log2() in place. DTypeError unless the dtype is floating.",
             Released());
}

}  // namespace weft::python
