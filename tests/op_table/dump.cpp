#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <nlohmann/json.hpp>

#include <weft/data/safetensors.h>

#include <weft/tests/op_table/row.h>

// op_table_dump values FILE: outputs and gradients of all rows, for a comparison of instruction
// sets.
// op_table_dump names: of all rows, and of the in-place forms they try.
// op_table_dump calls FOLDER: for each row a file ROW.safetensors with its inputs, outputs,
// gradients of outputs and of inputs; calls.json says how PyTorch and Weft's Python are to be
// called, errors.json which calls are refused, and how.
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

const std::string& python_of(const Case& c) { return c.python.empty() ? c.torch : c.python; }

std::vector<std::vector<Index>> strides_of(const Tensors& tensors) {
  std::vector<std::vector<Index>> all;
  for (const Tensor& t : tensors) {
    const Shape s = t.defined() ? t.strides() : Shape();
    all.emplace_back(s.begin(), s.end());
  }
  return all;
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
                     {"python", python_of(c)},
                     {"dtype", dtype},
                     {"inputs", x.size()},
                     {"outputs", r.outputs.size()},
                     {"requires_grad", grad},
                     {"gradients", !r.grads.empty()},
                     {"strides", strides_of(r.outputs)},
                     {"grad_strides", strides_of(r.grads)},
                     {"inplace", c.inplace != nullptr},
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

// What f throws: {"error": its class, "message": its words}.
template <class F>
nlohmann::json error_of(F f) {
  try {
    f();
  } catch (const std::exception& e) {
    int status = 0;
    char* name = abi::__cxa_demangle(typeid(e).name(), nullptr, nullptr, &status);
    const std::string full = name;
    std::free(name);
    return {{"error", full.substr(full.rfind(':') + 1)}, {"message", e.what()}};
  }
  throw Error("[op_table_dump] a call that is to be refused was not");
}

struct Errors {
  TensorMap tensors;
  nlohmann::json calls = nlohmann::json::array();

  // The call that f is, with x[i] for those that are defined.
  template <class F>
  void add(const Row& row, const std::string& torch, const Tensors& x, const std::string& what,
           F f) {
    nlohmann::json call = error_of(f);
    const std::string key = std::to_string(calls.size()) + ".";
    put(tensors, key + "x.", x);
    call.update(
        {{"op", row.name}, {"torch", torch}, {"what", what}, {"key", key}, {"inputs", x.size()}});
    calls.push_back(std::move(call));
  }

  void add(const Row& row) {
    for (const Bad& bad : row.bad)
      if (!bad.torch.empty()) add(row, bad.torch, {}, "arguments", bad.call);
    const Case& c = row.cases.front();
    if (c.inputs.empty()) return;
    for (int i = 0; i < kDTypeCount; ++i) {
      const auto t = DType(i);
      if (holds(row.dtypes, t)) continue;
      const Tensors x = tensors_of(c.inputs, t);
      add(row, python_of(c), x, std::string(name(t)), [&] { c.call(x); });
    }
    for (std::size_t i = 0; i < c.inputs.size(); ++i) {
      if (c.inputs[i].optional) continue;
      Tensors x = tensors_of(c.inputs, dtypes_of(row, c).back());
      x[i] = Tensor();
      add(row, python_of(c), x, "undefined " + std::to_string(i), [&] { c.call(x); });
    }
  }
};

void write_json(const std::filesystem::path& path, const nlohmann::json& value) {
  std::ofstream out(path);
  if (!(out << value.dump())) throw IOError("[op_table_dump] cannot write " + path.string());
}

void write_errors(const std::filesystem::path& folder) {
  Errors errors;
  for (const Row& row : all_rows()) errors.add(row);
  save_safetensors((folder / "errors.safetensors").string(), errors.tensors);
  write_json(folder / "errors.json", errors.calls);
}

void write_calls(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  nlohmann::json all = nlohmann::json::array();
  for (const Row& row : all_rows()) {
    Dump d;
    const std::string file = row.name + ".safetensors";
    for (const Case& c : row.cases) {
      if (python_of(c).empty()) continue;
      for (DType t : dtypes_of(row, c))
        d.add(row, c, tensors_of(c.inputs, t, true), std::string(name(t)), file);
    }
    if (row.mixes) add_mixed(d, row, file);
    save_safetensors((folder / file).string(), d.tensors);
    for (auto& call : d.calls) all.push_back(std::move(call));
  }
  write_json(folder / "calls.json", all);
  write_errors(folder);
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
