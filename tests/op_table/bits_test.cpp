#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>

#include <weft/data/safetensors.h>

#include <weft/tests/catch.h>
#include <weft/tests/op_table/row.h>

using namespace weft;
using namespace weft::op_table;

namespace {

struct Restore {
  int threads = get_num_threads();
  bool deterministic = deterministic_algorithms();
  AllocationMode mode = allocation_mode();
  ~Restore() {
    set_num_threads(threads);
    use_deterministic_algorithms(deterministic);
    set_allocation_mode(mode);
  }
};

template <class F>
void each_case(F f) {
  for (const Row& row : all_rows()) {
    for (const Case& c : row.cases) {
      for (DType t : {f32, bf16, i64}) {
        if (c.inputs.empty() ? t != f32 : !holds(row.dtypes & c.dtypes, t)) continue;
        INFO(describe(row, c, t));
        CHECK(message_of([&] { f(row, c, tensors_of(c.inputs, t, true)); }) == "");
        if (c.big.empty() || t == bf16) continue;
        CHECK(message_of([&] { f(row, c, tensors_of(c.big, t, true)); }) == "");
      }
    }
  }
}

Tensors all_of(Results r) {
  for (Tensor& g : r.grads) r.outputs.push_back(std::move(g));
  return r.outputs;
}

// Leaves free blocks of all small sizes full of NaN (as f32, f64; -1 as an integer).
void leave_nan() {
  std::vector<Allocation> blocks;
  for (std::size_t bytes = 16; bytes <= (std::size_t{1} << 16);
       bytes += bytes < 512 ? 16 : bytes / 4) {
    for (int i = 0; i < 3; ++i) {
      blocks.push_back(allocate(kCPU, bytes));
      std::memset(blocks.back().data, 0xff, bytes);
    }
  }
  for (const Allocation& a : blocks) deallocate(kCPU, a);
}

}  // namespace

TEST_CASE("the same bits for 1, 2 and 4 threads in deterministic mode") {
  const Restore restore;
  use_deterministic_algorithms(true);
  each_case([](const Row& row, const Case& c, const Tensors& x) {
    set_num_threads(1);
    const Tensors one = all_of(run(c, x, row.differentiable));
    for (int threads : {2, 4}) {
      set_num_threads(threads);
      INFO(threads << " threads");
      CHECK(bits_difference(all_of(run(c, x, row.differentiable)), one) == "");
    }
  });
}

TEST_CASE("the same bits run after run for one number of threads") {
  const Restore restore;
  set_num_threads(2);
  each_case([](const Row& row, const Case& c, const Tensors& x) {
    const Tensors first = all_of(run(c, x, row.differentiable));
    CHECK(bits_difference(all_of(run(c, x, row.differentiable)), first) == "");
  });
}

TEST_CASE("the same bits whatever fresh memory held") {
  const Restore restore;
  each_case([](const Row& row, const Case& c, const Tensors& x) {
    set_allocation_mode({});
    const Tensors plain = all_of(run(c, x, row.differentiable));
    leave_nan();
    CHECK(bits_difference(all_of(run(c, x, row.differentiable)), plain) == "");
    set_allocation_mode({.passthrough = false, .poison = true});
    CHECK(bits_difference(all_of(run(c, x, row.differentiable)), plain) == "");
  });
}

namespace {

// What op_table_dump computes with one instruction set; false where the processor lacks it.
bool values_of(const std::string& isa, TensorMap& values) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("weft-op-table-" + isa + "-" + std::to_string(std::random_device{}()));
  const std::string command =
      "WEFT_CPU=" + isa + " '" OP_TABLE_DUMP "' values '" + path.string() + "' 2>/dev/null";
  const bool ran = std::system(command.c_str()) == 0;
  if (ran) values = load_safetensors(path.string());
  std::filesystem::remove(path);
  return ran;
}

struct Leeway {
  double loose, scale;
};

// Of a tensor under the key ROW.NUMBER.DTYPE.output.I or ROW.NUMBER.DTYPE.grad.I.
Leeway leeway_of(const std::string& key) {
  const auto dot = key.find('.');
  for (const Row& row : all_rows()) {
    if (row.name != key.substr(0, dot)) continue;
    const Case& c = row.cases.at(std::stoul(key.substr(dot + 1)));
    const bool grad = key.find(".grad.") != std::string::npos;
    return {c.winograd ? 16 : row.loose, grad ? std::max(1.0, row.scale) : row.scale};
  }
  throw std::out_of_range("no row for " + key);
}

}  // namespace

TEST_CASE("all instruction sets agree") {
  TensorMap base, other;
  REQUIRE(values_of("v2", base));
  REQUIRE(base.size() > 1);
  for (const std::string isa : {"avx2", "avx512"}) {
    if (!values_of(isa, other)) {
      WARN("this processor lacks " << isa << ", or it is not built");
      continue;
    }
    REQUIRE(other.size() == base.size());
    for (const auto& [key, expected] : base) {
      INFO(isa << ", " << key);
      const Tensor& got = other.at(key);
      REQUIRE(got.dtype() == expected.dtype());
      const Leeway l = leeway_of(key);
      CHECK(difference(got, array_of(expected), l.loose * tolerance(got.dtype()), l.scale) == "");
    }
  }
}
