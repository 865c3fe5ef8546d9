#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>

#include <weft/data/safetensors.h>

#include <weft/tests/op_table/row.h>

// op_table_dump values FILE: outputs and gradients of all rows, for a comparison of instruction
// sets.
// op_table_dump names: of all rows, and of the in-place forms they try.
// op_table_dump calls FOLDER: for each row a file ROW.safetensors with its inputs, outputs,
// gradients of outputs and of inputs, and calls.json, which says how PyTorch is to be called.
namespace weft::op_table {
namespace {

void put(TensorMap& map, const std::string& key, const Tensors& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].defined()) map[key + std::to_string(i)] = tensors[i].detach();
}

void write_values(const std::string& path) {
  TensorMap values;
  for (const Row& row : all_rows()) {
    int number = 0;
    for (const Case& c : row.cases) {
      const std::string head = row.name + "." + std::to_string(number++);
      for (DType t : dtypes_of(row, c)) {
        const Results r = run(c, tensors_of(c.inputs, t, true), row.differentiable);
        const std::string key = head + "." + std::string(name(t));
        put(values, key + ".output.", r.outputs);
        put(values, key + ".grad.", r.grads);
      }
    }
  }
  save_safetensors(path, values);
}

// What the structure test "every public function has a row" reads: a name a line, and name_ where a
// case has an in-place form.
void write_names() {
  for (const Row& row : all_rows()) {
    std::cout << row.name << "\n";
    const bool inplace = std::any_of(row.cases.begin(), row.cases.end(),
                                     [](const Case& c) { return c.inplace != nullptr; });
    if (inplace) std::cout << row.name << "_\n";
  }
}

struct Dump {
  TensorMap tensors;
  nlohmann::json calls = nlohmann::json::array();

  // The tensors of one call under keys with its number.
  void add(const Row& row, const Case& c, const Tensors& x, const std::string& dtype,
           const std::string& file) {
    const std::string key = std::to_string(calls.size()) + ".";
    const Results r = run(c, x, row.differentiable);
    Tensors g;
    for (const Tensor& y : r.outputs)
      if (y.requires_grad()) g.push_back(y);
    g = grad_outputs_of(g);
    put(tensors, key + "x.", x);
    put(tensors, key + "y.", r.outputs);
    put(tensors, key + "g.", g);
    put(tensors, key + "dx.", r.grads);
    std::vector<bool> grad;
    for (const Tensor& t : x) grad.push_back(t.requires_grad());
    calls.push_back({{"op", row.name},
                     {"file", file},
                     {"key", key},
                     {"torch", c.torch},
                     {"dtype", dtype},
                     {"inputs", x.size()},
                     {"outputs", r.outputs.size()},
                     {"requires_grad", grad},
                     {"gradients", !r.grads.empty()},
                     {"loose", row.loose},
                     {"scale", row.scale}});
  }
};

void add_mixed(Dump& d, const Row& row, const std::string& file) {
  const Case& c = row.cases.front();
  for (DType s : dtypes_of(row, c)) {
    for (DType t : dtypes_of(row, c)) {
      if (s == t) continue;
      Tensors x = tensors_of(c.inputs, s, true);
      x.back() = tensors_of(c.inputs, t, true).back();
      d.add(row, c, x, std::string(name(s)) + " " + std::string(name(t)), file);
    }
  }
}

void write_calls(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  nlohmann::json all = nlohmann::json::array();
  for (const Row& row : all_rows()) {
    Dump d;
    const std::string file = row.name + ".safetensors";
    for (const Case& c : row.cases) {
      if (c.torch.empty()) continue;
      for (DType t : dtypes_of(row, c))
        d.add(row, c, tensors_of(c.inputs, t, true), std::string(name(t)), file);
    }
    if (row.mixes) add_mixed(d, row, file);
    save_safetensors((folder / file).string(), d.tensors);
    for (auto& call : d.calls) all.push_back(std::move(call));
  }
  std::FILE* out = std::fopen((folder / "calls.json").c_str(), "w");
  if (!out) throw IOError("[op_table_dump] cannot write " + folder.string());
  const std::string text = all.dump();
  std::fwrite(text.data(), 1, text.size(), out);
  std::fclose(out);
}

}  // namespace
}  // namespace weft::op_table

int main(int argc, char** argv) {
  using namespace weft::op_table;
  const std::string mode = argc > 1 ? argv[1] : "";
  if (!(argc == 3 && (mode == "values" || mode == "calls")) && !(argc == 2 && mode == "names")) {
    std::cerr << "usage: op_table_dump values FILE | calls FOLDER | names\n";
    return 2;
  }
  try {
    if (mode == "names") write_names();
    if (mode == "values") write_values(argv[2]);
    if (mode == "calls") write_calls(argv[2]);
  } catch (const std::exception& e) {
    std::cerr << "op_table_dump: " << e.what() << "\n";
    return 1;
  }
}
