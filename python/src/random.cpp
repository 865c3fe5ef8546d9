#include <weft/core/random.h>

#include <functional>
#include <memory>

#include <weft/ops/make.h>
#include <weft/ops/multinomial.h>
#include <weft/python/src/operations.h>

// Generators, keys, and the functions that take from them.
namespace weft::python {
namespace {

using MaybeDType = std::optional<DType>;
using MaybeDevice = std::optional<Device>;

Options options(MaybeDType dtype, MaybeDevice device, bool requires_grad) {
  Options o;
  if (dtype) o = o.dtype(*dtype);
  return o.device(device.value_or(kCPU)).requires_grad(requires_grad);
}

// Seeds are 64 bits; negative ones are read as PyTorch does, modulo 2^64.
std::uint64_t seed_of(const py::int_& seed) {
  const std::uint64_t value = PyLong_AsUnsignedLongLongMask(seed.ptr());
  if (PyErr_Occurred()) throw py::error_already_set();
  return value;
}

Tensor state_tensor(const Generator& g) {
  const RandomKey s = g.state();
  return tensor(std::vector<Index>{static_cast<Index>(s.seed), static_cast<Index>(s.offset)});
}
void set_state(Generator& g, const Tensor& state) {
  if (state.dtype() != DType::I64 || state.numel() != 2) {
    throw weft::ValueError("[set_state] got " + std::string(name(state.dtype())) + " of " +
                           std::to_string(state.numel()) +
                           " elements, expected int64 of 2: seed and offset");
  }
  const auto values = state.to_vector<Index>();
  g.set_state({static_cast<std::uint64_t>(values[0]), static_cast<std::uint64_t>(values[1])});
}

void bind_generator(py::module_& m) {
  py::class_<Generator> g(
      m, "Generator",
      "A sequence of random numbers (Philox 4x32-10, Salmon et al. 2011) with a position. Two "
      "generators of equal state give equal numbers, on any device and any number of threads.\n\n"
      ">>> g = weft.Generator(7)\n"
      ">>> bool((weft.rand(3, generator=g) == weft.rand(3, generator=weft.Generator(7))).all())\n"
      "True");
  g.def(py::init([](const py::int_& seed) { return std::make_unique<Generator>(seed_of(seed)); }),
        "seed"_a = Generator::kDefaultSeed);
  g.def(py::init([](Device) { return std::make_unique<Generator>(); }), "device"_a,
        "device: any, for the numbers are the same on all.");
  g.def(
      "manual_seed",
      [](Generator& self, const py::int_& seed) -> Generator& {
        self.manual_seed(seed_of(seed));
        return self;
      },
      "Starts anew at the first number of this seed's sequence; the generator itself.", "seed"_a,
      py::return_value_policy::reference);
  g.def("seed", &Generator::seed, "Takes a seed from the system, starts anew and returns it.");
  g.def("initial_seed", &Generator::initial_seed, "The seed of the sequence.");
  g.def("get_state", &state_tensor, "Seed and position: int64 [2], all there is to save.");
  g.def("set_state", &set_state, "Goes to what get_state() gave.", "state"_a);
  g.def("__repr__", [](const Generator& self) {
    const RandomKey s = self.state();
    return "weft.Generator(seed=" + std::to_string(s.seed) +
           ", offset=" + std::to_string(s.offset) + ")";
  });
  g.def(py::pickle([](const Generator& self) { return py::make_tuple(state_tensor(self)); },
                   [](const py::tuple& state) {
                     auto made = std::make_unique<Generator>();
                     set_state(*made, state[0].cast<Tensor>());
                     return made;
                   }));
}

void bind_default_generator(py::module_& m) {
  m.attr("default_generator") = py::cast(&default_generator(), py::return_value_policy::reference);
  m.def(
      "manual_seed",
      [](const py::int_& seed) {
        manual_seed(seed_of(seed));
        return &default_generator();
      },
      "Seeds the default generator, from which operations take when they are given none, and "
      "returns it.\n\n"
      ">>> g = weft.manual_seed(3)\n"
      ">>> a = weft.rand(2)\n"
      ">>> g = weft.manual_seed(3)\n"
      ">>> weft.rand(2).tolist() == a.tolist()\n"
      "True",
      "seed"_a, py::return_value_policy::reference);
  m.def(
      "seed", [] { return default_generator().seed(); },
      "Seeds the default generator from the system and returns the seed.\n\n"
      ">>> weft.seed() == weft.initial_seed()\n"
      "True");
  m.def(
      "initial_seed", [] { return default_generator().initial_seed(); },
      "The default generator's seed.\n\n"
      ">>> g = weft.manual_seed(3)\n"
      ">>> weft.initial_seed()\n"
      "3");
  m.def(
      "get_rng_state", [] { return state_tensor(default_generator()); },
      "The default generator's state, int64 [2]. Seed and position, for set_rng_state().\n\n"
      ">>> g = weft.manual_seed(3)\n"
      ">>> x = weft.rand(10)\n"
      ">>> weft.get_rng_state()\n"
      "tensor([3, 3])");
  m.def(
      "set_rng_state", [](const Tensor& state) { set_state(default_generator(), state); },
      "Sets the default generator's state. To what get_rng_state() gave; ValueError for what is no "
      "state.\n\n"
      ">>> state = weft.get_rng_state()\n"
      ">>> a = weft.rand(2)\n"
      ">>> weft.set_rng_state(state)\n"
      ">>> weft.rand(2).tolist() == a.tolist()\n"
      "True",
      "new_state"_a);
}

void bind_key(py::module_& m) {
  py::class_<Key> key(
      m, "Key",
      "A stateless key: the same key always gives the same numbers; new numbers come from new "
      "keys, made by split() or fold(). weft.Generator(key.value) draws a key's numbers.\n\n"
      ">>> a, b = weft.Key(0).split()\n"
      ">>> a == weft.Key(0).fold(0)\n"
      "True");
  key.def(py::init([](const py::int_& seed) { return Key(seed_of(seed)); }), "seed"_a = 0);
  key.def_readonly("value", &Key::value, "64 bits.");
  key.def(
      "fold", [](const Key& k, const py::int_& datum) { return k.fold(seed_of(datum)); },
      "The child that belongs to an integer: an epoch, a sample's number...", "datum"_a);
  key.def(
      "split",
      [](const Key& k, std::size_t n) {
        py::list children;
        for (std::size_t i = 0; i < n; ++i) children.append(k.fold(i));
        return children;
      },
      "The children 0 to n - 1.", "n"_a = 2);
  key.def(
      "__eq__", [](const Key& a, const Key& b) { return a == b; }, py::is_operator());
  key.def("__hash__", [](const Key& k) { return std::hash<std::uint64_t>()(k.value); });
  key.def("__repr__", [](const Key& k) { return "weft.Key(" + std::to_string(k.value) + ")"; });
  key.def(py::pickle([](const Key& k) { return py::make_tuple(k.value); },
                     [](const py::tuple& t) { return Key(t[0].cast<std::uint64_t>()); }));
}

template <class F>
void def_sized(py::module_& m, const char* name, F f, const char* doc) {
  m.def(
      name,
      [f](const py::args& size, Generator* generator, MaybeDType dtype, MaybeDevice device,
          bool requires_grad) {
        const auto n = static_cast<Py_ssize_t>(size.size());
        const Shape sizes = shape_from_args(&PyTuple_GET_ITEM(size.ptr(), 0), n);
        const Unlocked unlocked;
        return f(sizes, options(dtype, device, requires_grad), generator);
      },
      doc, py::kw_only(), "generator"_a = py::none(), "dtype"_a = py::none(),
      "device"_a = py::none(), "requires_grad"_a = false);
}

template <class Like, class Sized>
void def_like(py::module_& m, const char* name, Like like, Sized sized, const char* doc) {
  m.def(
      name,
      [like, sized](const Tensor& x, Generator* generator, MaybeDType dtype, bool requires_grad) {
        Tensor t = dtype ? sized(x.sizes(), options(dtype, x.device(), false), generator)
                         : like(x, generator);
        return t.requires_grad_(requires_grad);
      },
      doc, input(), py::kw_only(), "generator"_a = py::none(), "dtype"_a = py::none(),
      "requires_grad"_a = false, Released());
}

void bind_integers(py::module_& m) {
  const auto one = [&](auto f, const char* doc, const auto&... bounds) {
    m.def("randint", f, doc, bounds..., "size"_a, py::kw_only(), "generator"_a = py::none(),
          "dtype"_a = py::none(), "device"_a = py::none(), "requires_grad"_a = false, Released());
  };
  one([](Index high, const Shape& size, Generator* g, MaybeDType dtype, MaybeDevice device,
         bool grad) { return randint(0, high, size, options(dtype, device, grad), g); },
      "randint(high, size) or randint(low, high, size): integers from low (0) to high - 1, "
      "int64.\n\n"
      ">>> weft.randint(6, (8,), generator=weft.Generator(1))\n"
      "tensor([5, 5, 3, 4, 4, 5, 2, 3])",
      "high"_a);
  one([](Index low, Index high, const Shape& size, Generator* g, MaybeDType dtype,
         MaybeDevice device,
         bool grad) { return randint(low, high, size, options(dtype, device, grad), g); },
      "", "low"_a, "high"_a);
  m.def(
      "randperm",
      [](Index n, Generator* g, MaybeDType dtype, MaybeDevice device, bool grad) {
        return randperm(n, options(dtype, device, grad), g);
      },
      "0 to n - 1 in random order, int64.\n\n"
      ">>> weft.randperm(5, generator=weft.Generator(1))\n"
      "tensor([2, 4, 3, 0, 1])",
      "n"_a, py::kw_only(), "generator"_a = py::none(), "dtype"_a = py::none(),
      "device"_a = py::none(), "requires_grad"_a = false, Released());
}

void bind_makers(py::module_& m) {
  def_sized(
      m, "rand", [](const Shape& s, const Options& o, Generator* g) { return rand(s, o, g); },
      "rand(*size): uniform in [0, 1). From the default generator unless one is given; the same "
      "numbers on every device and for any number of threads.\n\n"
      ">>> weft.rand(3, generator=weft.Generator(1))\n"
      "tensor([0.8903, 0.8947, 0.5857])");
  def_sized(
      m, "randn", [](const Shape& s, const Options& o, Generator* g) { return randn(s, o, g); },
      "randn(*size): normal, of mean 0 and standard deviation 1. By the method of Box and Muller "
      "(1958).\n\n"
      ">>> weft.randn(3, generator=weft.Generator(1))\n"
      "tensor([-0.2963, -0.3804, -1.0038])");
  def_like(m, "rand_like", &rand_like, &rand,
           "Uniform in [0, 1), of input's sizes and dtype.\n\n"
           ">>> weft.rand_like(weft.zeros(2, 3)).shape\n"
           "weft.Size([2, 3])");
  def_like(m, "randn_like", &randn_like, &randn,
           "Normal, of mean 0 and standard deviation 1, of input's sizes and dtype.\n\n"
           ">>> weft.randn_like(weft.zeros(2, 3, dtype=weft.float64)).dtype\n"
           "weft.float64");
  def_both(
      m, "bernoulli",
      [](const Tensor& x, std::optional<double> p, Generator* g) {
        return p ? bernoulli(x, *p, g) : bernoulli(x, g);
      },
      "1 with the probability that input (in [0, 1]) holds, else 0; of its sizes and dtype. With a "
      "number p that is the probability of all, whatever input holds.\n\n"
      ">>> weft.bernoulli(weft.tensor([0.0, 1.0]))\n"
      "tensor([0., 1.])\n"
      ">>> weft.bernoulli(weft.zeros(2), 1.0)\n"
      "tensor([1., 1.])",
      input(), "p"_a = py::none(), py::kw_only(), "generator"_a = py::none(), Released());
  def_both(
      m, "multinomial",
      [](const Tensor& x, Index n, bool replacement, Generator* g) {
        return multinomial(x, n, replacement, g);
      },
      "num_samples positions in a vector of weights, or in each row of a matrix of them, drawn "
      "with "
      "probability proportional to the weights: int64 [num_samples] or [rows, num_samples].\n\n"
      "Weights are floating, finite, not negative, and in each row enough of them above 0: "
      "num_samples, or with replacement one. ValueError where they are not, ShapeError for other "
      "dims. Without replacement by the first of exponential times (Efraimidis and Spirakis "
      "2006).\n\n"
      ">>> weft.multinomial(weft.tensor([0.0, 3.0, 0.0]), 4, replacement=True)\n"
      "tensor([1, 1, 1, 1])\n"
      ">>> sorted(weft.multinomial(weft.tensor([0.2, 0.0, 0.8]), 2).tolist())\n"
      "[0, 2]",
      input(), "num_samples"_a, "replacement"_a = false, py::kw_only(), "generator"_a = py::none(),
      Released());
}

void bind_in_place() {
  const auto generator = "generator"_a = py::none();
  def_method("uniform_", &uniform_, "Fills with numbers uniform in [from, to).", "from"_a = 0.0,
             "to"_a = 1.0, generator, Released());
  def_method("normal_", &normal_, "Fills with normal numbers of this mean and standard deviation.",
             "mean"_a = 0.0, "std"_a = 1.0, generator, Released());
  def_method(
      "bernoulli_",
      [](Tensor& x, const Operand& p, Generator* g) -> Tensor& {
        return p.tensor() ? bernoulli_(x, *p.tensor(), g)
                          : bernoulli_(x, p.scalar().to_double(), g);
      },
      "Fills with 1 (of probability p, a number or a tensor that broadcasts) and 0.", "p"_a = 0.5,
      py::kw_only(), generator, Released());
}

}  // namespace

void bind_random(py::module_& m) {
  bind_generator(m);
  bind_default_generator(m);
  bind_key(m);
  bind_makers(m);
  bind_integers(m);
  bind_in_place();
}

}  // namespace weft::python
