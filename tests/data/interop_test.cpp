#include <cstdlib>

#include <weft/data/npy.h>
#include <weft/data/safetensors.h>
#include <weft/ops/make.h>
#include <weft/tests/catch.h>
#include <weft/tests/data/scratch.h>

// Files exchanged with NumPy and the safetensors package, where a Python has them: $WEFT_PYTHON,
// else python3. golden.h holds a few such files for machines that have neither.
namespace weft {
namespace {

using test::Scratch;

class Python {
 public:
  explicit Python(const Scratch& scratch) : scratch_(scratch) {
    const char* chosen = std::getenv("WEFT_PYTHON");
    program_ = chosen && *chosen ? chosen : "python3";
  }
  bool has(const std::string& module) const { return run("import " + module + "\n") == 0; }
  int run(const std::string& code) const {
    const std::string script = scratch_.write("script.py", code);
    return std::system(
        ("cd '" + scratch_.path("") + "' && '" + program_ + "' script.py 2> errors").c_str());
  }

 private:
  const Scratch& scratch_;
  std::string program_;
};

void run(const Python& python, const Scratch& scratch, const std::string& code) {
  const int status = python.run(code);
  CAPTURE(scratch.read("errors"));
  REQUIRE(status == 0);
}

constexpr const char* kMake = R"(
import numpy as np
def make(seed):
    r = np.random.default_rng(seed)
    out = {}
    for i, t in enumerate(['?', 'u1', 'i1', 'i2', 'i4', 'i8', 'f2', 'f4', 'f8']):
        for rank in range(5):
            shape = tuple(r.integers(0, 5, rank))
            out[f't{i}r{rank}'] = np.asarray(r.standard_normal(shape) * 50).astype('i8').astype(t)
    return out
)";

TEST_CASE("npy files go to NumPy and back", "[interop]") {
  const Scratch scratch;
  const Python python(scratch);
  if (!python.has("numpy")) {
    WARN("skipped: no Python with numpy");
    return;
  }
  run(python, scratch, std::string(kMake) + R"(
for name, x in make(1).items():
    np.save(name + '.npy', x)
    np.save(name + 'F.npy', np.asarray(x, order='F'))
    np.save(name + 'B.npy', x.astype(x.dtype.newbyteorder('>')))
)");
  for (int t = 0; t < 9; ++t) {
    for (int rank = 0; rank < 5; ++rank) {
      const std::string name = "t" + std::to_string(t) + "r" + std::to_string(rank);
      const Tensor x = load_npy(scratch.path(name + ".npy"));
      for (const char* other : {"F.npy", "B.npy"}) {
        const Tensor y = load_npy(scratch.path(name + other));
        REQUIRE(y.sizes() == x.sizes());
        REQUIRE(y.to_vector<double>() == x.to_vector<double>());
      }
      save_npy(scratch.path(name + "W.npy"), x);
    }
  }
  run(python, scratch, std::string(kMake) + R"(
for name, x in make(1).items():
    y = np.load(name + 'W.npy')
    assert y.dtype == x.dtype and y.shape == x.shape and (x == y).all(), name
    assert open(name + '.npy', 'rb').read() == open(name + 'W.npy', 'rb').read(), name
)");
}

TEST_CASE("safetensors files go to the safetensors package and back", "[interop]") {
  const Scratch scratch;
  const Python python(scratch);
  if (!python.has("numpy, safetensors.numpy")) {
    WARN("skipped: no Python with safetensors");
    return;
  }
  run(python, scratch, std::string(kMake) + R"(
from safetensors.numpy import save_file
save_file(make(2), 'x.safetensors', {'key': 'välue'})
)");
  TextMap metadata;
  TensorMap tensors = load_safetensors(scratch.path("x.safetensors"), &metadata);
  CHECK(metadata == TextMap{{"key", "välue"}});
  CHECK(tensors.size() == 45);
  save_safetensors(scratch.path("y.safetensors"), tensors, metadata);
  tensors["brain"] = full({2}, 1.5, bf16);
  save_safetensors(scratch.path("z.safetensors"), tensors);
  run(python, scratch, std::string(kMake) + R"(
from safetensors import safe_open
from safetensors.numpy import load_file
back = load_file('y.safetensors')
for name, x in make(2).items():
    y = back[name]
    assert y.dtype == x.dtype and y.shape == x.shape and (x == y).all(), name
with safe_open('y.safetensors', 'np') as f:
    assert f.metadata() == {'key': 'välue'}
with safe_open('z.safetensors', 'np') as f:
    assert f.get_slice('brain').get_dtype() == 'BF16'
)");
}

}  // namespace
}  // namespace weft
